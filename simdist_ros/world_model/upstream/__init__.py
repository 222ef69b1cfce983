"""The published checkpoint and its conversion."""
