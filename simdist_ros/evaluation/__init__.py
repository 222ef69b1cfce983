"""How well a robot does: the closed loop, what a walk came to, the figures of it."""
