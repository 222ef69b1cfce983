"""Ground, friction, payload, pushes: what a simulated robot is in."""
