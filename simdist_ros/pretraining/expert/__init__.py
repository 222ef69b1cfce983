"""The expert, trained by reinforcement learning."""
