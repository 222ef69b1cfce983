"""Benchmarks of the whole loop: walk, learn from the walk, walk again; without ROS."""
