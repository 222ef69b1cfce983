"""What to ask the policy for besides what is wanted: velocities around the commanded one.

A policy that walks too slowly up a slope walks faster when it is told to. Such proposals are all
good gaits, so a model can tell which is worth more where it could not rank noise on single joints.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ['Proposals']


class Proposals:
    """Offsets to the command, around those that were worth most in the last tick."""

    def __init__(self, spread: Tensor, num_steps: int, step: float, reach: float) -> None:
        """Begin at the command itself.

        Args:
            spread: Standard deviation of the commands that the model was trained on, (C,).
            num_steps: Offsets each way along each number; 0 asks for what is wanted alone.
            step: Distance between them, in spreads.
            reach: Largest offset, in spreads.
        """
        spread = spread.detach().cpu()
        self.limit = reach * spread
        axes = step * torch.diag(spread)
        away = [k * axes for k in range(-num_steps, num_steps + 1) if k]
        self.around = torch.cat([torch.zeros(1, len(spread)), *away])
        self.reset()

    def reset(self) -> None:
        """Forget what was worth most."""
        self.centre = torch.zeros_like(self.limit)

    def offsets(self) -> Tensor:
        """Return the offsets, (M, C): none first, then those around the centre."""
        near = torch.clamp(self.centre + self.around, -self.limit, self.limit)
        return torch.cat([torch.zeros_like(near[:1]), near]) if len(near) > 1 else near

    def learn(self, weights: Tensor) -> None:
        """Move the centre to what was worth most of those around it.

        What was wanted has no part in it: it would draw the centre back at every tick.

        Args:
            weights: Of the offsets as they were, (M,), at least 0; they need not sum to 1.
        """
        near = weights[1:]
        total = near.sum()
        if total > 0.0:
            self.centre = (near / total) @ self.offsets()[1:]
