"""Stretches in which a robot does something else than it is told to.

A walker that always obeys shows a world model only rewards near the best; a planner then asks what
it is worth to walk a little faster, or to turn back, and no data could have told.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.tasks.goal import GoalSpec

__all__ = ['CommandBursts']

F32 = NDArray[np.float32]

BURST_STEPS = (25, 100)
CLEAN_STEPS = (100, 300)
SPREAD = 0.4  # of the largest offsets, in half ranges of the commands


class CommandBursts:
    """An offset to the command for 25-100 steps, none for 100-300, and so on, for N robots."""

    def __init__(self, goal: GoalSpec, num_robots: int, rng: np.random.Generator) -> None:
        """Begin anywhere in a clean stretch.

        Args:
            goal: The range of commands.
            num_robots: N.
            rng: Randomness.
        """
        self.rng = rng
        self.low, self.high = goal.low, goal.high
        self.is_off = np.zeros(num_robots, dtype=bool)
        self.left = np.ceil(rng.random(num_robots) * rng.integers(*CLEAN_STEPS, num_robots))
        self.offset = np.zeros((num_robots, len(self.low)))

    def next(self, commands: NDArray[np.floating[Any]]) -> tuple[F32, NDArray[np.bool_]]:
        """Return the commands to walk at in this step, (N, command_dim), and whose are others.

        Args:
            commands: What the robots are told, (N, command_dim).
        """
        index = np.flatnonzero(self.left <= 0)
        if len(index):
            self.renew(index)
        self.left -= 1
        heard = np.clip(commands + self.offset, self.low, self.high)
        walked = np.where(self.is_off[:, None], heard, commands)
        return walked.astype(np.float32), self.is_off.copy()

    def renew(self, index: NDArray[np.intp]) -> None:
        """Change what robots do; small offsets are as frequent as large ones."""
        n, size = len(index), len(self.low)
        self.is_off[index] = ~self.is_off[index]
        strength = SPREAD * self.rng.random((n, 1)) * 0.5 * (self.high - self.low)
        self.offset[index] = strength * self.rng.standard_normal((n, size))
        off, clean = self.rng.integers(*BURST_STEPS, n), self.rng.integers(*CLEAN_STEPS, n)
        self.left[index] = np.where(self.is_off[index], off, clean)
