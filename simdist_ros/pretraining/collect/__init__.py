"""Transitions of good and bad walks."""
