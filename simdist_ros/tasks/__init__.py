"""What a robot is asked for, and how it is told whether it succeeded; one folder for each task."""
