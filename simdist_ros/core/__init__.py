"""What every other part builds on: errors, settings, the robot, its observations and history."""
