"""Correct the dynamics with recorded data, and gate the result before anything uses it."""
