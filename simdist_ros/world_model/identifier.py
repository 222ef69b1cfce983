"""The identifier: it finds out what is different about a robot from how it has moved."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

__all__ = ['Identifier']

WINDOW_STEPS = 50
KERNEL, STRIDE = 5, 2
CHANNELS = (64, 96)
FEATURES = 160
DROPOUT = 0.1


class Identifier(nn.Module):
    """Windows of one robot's observations and actions to its belief.

    Each window is summarised by itself; the mean of the summaries is what the belief is read from,
    so that any number of windows in any order gives one belief. It is a regression: where the
    windows say little it answers near zero, as if the robot were as its description says.

    Attributes:
        window_steps: Control steps in a window, W.
        belief_dim: Numbers of a belief.
        names: Of the numbers of a belief, as in `BeliefSpace.names`; empty where nobody said.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self, proprio_dim: int, action_dim: int, belief_dim: int, names: Sequence[str] = ()
    ) -> None:
        """Make the network with random weights; its input is not scaled yet."""
        super().__init__()
        size = proprio_dim + action_dim
        self.window_steps, self.belief_dim = WINDOW_STEPS, belief_dim
        self.names = tuple(names)
        self.register_buffer('mean', torch.zeros(size))
        self.register_buffer('std', torch.ones(size))
        few, many = CHANNELS
        self.convolutions = nn.Sequential(
            nn.Conv1d(size, few, KERNEL, stride=STRIDE),
            nn.ELU(),
            nn.Conv1d(few, many, KERNEL, stride=STRIDE),
            nn.ELU(),
        )
        self.summary = nn.Sequential(nn.Dropout(DROPOUT), nn.Linear(2 * many, FEATURES), nn.ELU())
        self.head = nn.Sequential(
            nn.Linear(FEATURES, FEATURES),
            nn.ELU(),
            nn.Dropout(DROPOUT),
            nn.Linear(FEATURES, belief_dim),
        )

    def features(self, windows: Tensor) -> Tensor:
        """Summarise windows one by one.

        Args:
            windows: Proprioceptive observation and action of each step, the oldest first and as
                they are logged: unscaled, actions in policy units, (B, W, proprio + action).

        Returns:
            (B, F).
        """
        scaled = (windows - self.mean) / self.std
        found = self.convolutions(scaled.transpose(1, 2))  # (B, channels, time)
        features: Tensor = self.summary(torch.cat([found.mean(-1), found.std(-1)], dim=-1))
        return features

    def identify(self, features: Tensor) -> Tensor:
        """Return the belief, (..., belief_dim), of all windows of a robot, (..., B, F)."""
        belief: Tensor = self.head(features.mean(-2))
        return belief

    def forward(self, windows: Tensor) -> Tensor:
        """Return beliefs of N robots, (N, belief_dim), from K windows of each, (N, K, W, ...)."""
        robots, each = windows.shape[:2]
        found = self.features(windows.flatten(0, 1))
        return self.identify(found.reshape(robots, each, -1))
