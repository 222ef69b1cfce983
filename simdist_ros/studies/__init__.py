"""Benchmarks of the whole loop: walk, adapt to the walk, walk again; without ROS."""
