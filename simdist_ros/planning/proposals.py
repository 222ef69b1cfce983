"""What to ask the policy for besides what is wanted: velocities around the commanded one.

A policy that walks too slowly up a slope walks faster when it is told to. Such proposals are all
good gaits, so a model can tell which is worth more where it could not rank noise on single joints.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ['Proposals']

STEPS = (-2.0, -1.0, 1.0, 2.0)  # along each number of the command


class Proposals:
    """Offsets to the command, around those that were worth most in the last tick."""

    def __init__(self, spread: Tensor, step: float, reach: float) -> None:
        """Begin at the command itself.

        Args:
            spread: Standard deviation of the commands that the model was trained on, (C,).
            step: Distance between offsets, in spreads; 0 asks for what is wanted alone.
            reach: Largest offset, in spreads.
        """
        spread = spread.detach().cpu()
        self.limit = reach * spread
        size = len(spread) if step else 0
        axes = step * torch.diag(spread)[:size]
        self.around = torch.cat([torch.zeros(1, len(spread)), *(k * axes for k in STEPS)])
        self.reset()

    def reset(self) -> None:
        """Forget what was worth most."""
        self.centre = torch.zeros_like(self.limit)

    def offsets(self) -> Tensor:
        """Return the offsets, (M, C): none first, then those around the centre."""
        near = torch.clamp(self.centre + self.around, -self.limit, self.limit)
        return torch.cat([torch.zeros_like(near[:1]), near]) if len(near) > 1 else near

    def learn(self, weights: Tensor) -> None:
        """Move the centre to what was worth most.

        Args:
            weights: Of the offsets as they were, (M,), at least 0; they need not sum to 1.
        """
        total = weights.sum()
        if total > 0.0:
            self.centre = (weights / total) @ self.offsets()
