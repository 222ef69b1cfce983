"""MPPI over a world model's predictions, and the planner that a node calls once a tick."""
