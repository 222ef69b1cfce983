"""ROS 2 nodes: message -> array -> a call into the package -> array -> message."""
