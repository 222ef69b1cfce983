"""Following a proposal as it was planned, so that what such plans come to is on record.

A robot that plans anew at every tick corrects each plan before it has shown what it was worth. A
dynamics model that is trained on such walks alone predicts corrected motion well, and the
candidates of a search, which nothing corrects, badly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

__all__ = ['Exploration', 'Trial']


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A plan that is followed for a while.

    Attributes:
        actions: All of it, (T, action_dim).
        began: Step of the observation that it answered.
        ends: The first step at which a new plan is made.
    """

    actions: Tensor
    began: int
    ends: int


class Exploration:
    """Begins trials by seed and step alone: when, of which proposal, for how long."""

    def __init__(self, share: float, longest: int, seed: int) -> None:
        """Begin without a trial.

        Args:
            share: Of all ticks that are to be part of a trial, below 1; 0 never tries anything.
            longest: Steps of the longest trial.
            seed: Of the draws.
        """
        mean_steps = (1 + longest) / 2.0
        self.chance = share / (share + (1.0 - share) * mean_steps)  # of a trial to begin
        self.longest, self.seed = longest, seed
        self.trial: Trial | None = None

    def reset(self) -> None:
        """Forget the trial that goes on."""
        self.trial = None

    def follow(self, step: int, proposals: Tensor) -> Trial | None:
        """Return the trial that this step is part of; None: plan.

        Args:
            step: Number of the control tick.
            proposals: What the policy proposes at this step, (M, T, action_dim).
        """
        if self.trial is not None and self.trial.began <= step < self.trial.ends:
            return self.trial
        self.trial = None
        if not self.chance:
            return None
        draw = np.random.default_rng([self.seed, max(0, step)])
        if draw.random() < self.chance:
            actions = proposals[int(draw.integers(len(proposals)))].clone()
            steps = int(draw.integers(1, self.longest + 1))
            if torch.isfinite(actions).all():
                self.trial = Trial(actions=actions, began=step, ends=step + steps)
        return self.trial
