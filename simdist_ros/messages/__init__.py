"""ROS messages as arrays and back, topic names, joining by stamp; no rclpy."""
