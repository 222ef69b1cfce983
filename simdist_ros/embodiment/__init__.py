"""What a body is: joints, limits, sensors; its state, observations and history."""
