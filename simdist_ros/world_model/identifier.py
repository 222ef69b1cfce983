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
LAGS = 6  # steps by which a joint may answer an action late


class Identifier(nn.Module):
    """Windows of one robot's observations and actions to its belief.

    Each window is summarised by itself; the mean of the summaries is what the belief is read from,
    so that any number of windows in any order gives one belief. It is a regression: where the
    windows say little it answers near zero, as if the robot were as its description says.

    A window is summarised by convolutions and by how its joints answer actions: the covariance of
    each action with position and velocity of its joint, some steps later.

    Attributes:
        window_steps: Control steps in a window, W.
        num_features: Numbers that a window is summarised by, F.
        belief_dim: Numbers of a belief.
        names: Of the numbers of a belief, as in `BeliefSpace.names`; empty where nobody said.
        joints_at: Where position and velocity of joints are in an observation, (2, action_dim).
    """

    mean: Tensor
    std: Tensor
    joints_at: Tensor

    def __init__(
        self,
        proprio_dim: int,
        action_dim: int,
        belief_dim: int,
        names: Sequence[str] = (),
        joints_at: Tensor | None = None,
    ) -> None:
        """Make the network with random weights; its input is not scaled yet."""
        super().__init__()
        size = proprio_dim + action_dim
        at = torch.zeros(2, action_dim, dtype=torch.long) if joints_at is None else joints_at
        self.register_buffer('joints_at', at)
        self.num_actions = action_dim
        self.window_steps, self.belief_dim = WINDOW_STEPS, belief_dim
        self.num_features = FEATURES
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
        summarised = 2 * many + 2 * LAGS * action_dim
        self.summary = nn.Sequential(
            nn.Dropout(DROPOUT), nn.Linear(summarised, FEATURES), nn.ELU()
        )
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
        parts = [found.mean(-1), found.std(-1), self.answers(scaled)]
        features: Tensor = self.summary(torch.cat(parts, dim=-1))
        return features

    def answers(self, scaled: Tensor) -> Tensor:
        """Return the covariances of actions and joints, 0 to LAGS - 1 steps later.

        Args:
            scaled: Windows, (B, W, proprio + action).

        Returns:
            (B, LAGS * 2 * action_dim).
        """
        centred = scaled - scaled.mean(1, keepdim=True)
        steps = self.window_steps - LAGS + 1
        acted = centred[:, :steps, None, -self.num_actions :]
        joints = centred[:, :, self.joints_at]  # (B, W, 2, action_dim)
        later = [(acted * joints[:, k : k + steps]).mean(1) for k in range(LAGS)]
        return torch.stack(later, dim=1).flatten(1)

    def identify(self, features: Tensor) -> Tensor:
        """Return the belief, (..., belief_dim), of all windows of a robot, (..., B, F)."""
        belief: Tensor = self.head(features.mean(-2))
        return belief

    def forward(self, windows: Tensor) -> Tensor:
        """Return beliefs of N robots, (N, belief_dim), from K windows of each, (N, K, W, ...)."""
        robots, each = windows.shape[:2]
        found = self.features(windows.flatten(0, 1))
        return self.identify(found.reshape(robots, each, -1))
