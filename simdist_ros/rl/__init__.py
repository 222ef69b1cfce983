"""Reinforcement learning: PPO, its networks, what a step of many robots gives."""
