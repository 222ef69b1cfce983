"""The policy head, taught on its own walks."""
