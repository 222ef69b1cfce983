"""The world model, trained on transitions."""
