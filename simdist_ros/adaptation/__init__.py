"""Correct the dynamics by what really happened, and judge the result before anything uses it."""
