"""Bursts of noise on the actions, so that a world model sees what good policies avoid."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ['BURST_STEPS', 'CLEAN_STEPS', 'NoiseBursts']

BURST_STEPS = (1, 50)
CLEAN_STEPS = (25, 500)


class NoiseBursts:
    """Gaussian noise for 1-50 steps, nothing for 25-500, and so on, for each of N robots.

    Source:
        SimDist, "Data collection".
    """

    def __init__(
        self,
        num_robots: int,
        low: float,
        high: float,
        never: float,
        rng: np.random.Generator,
        *,
        burst: tuple[int, ...] = BURST_STEPS,
        clean: tuple[int, ...] = CLEAN_STEPS,
    ) -> None:
        """Draw who is never noised and how strong the others' noise is.

        Args:
            num_robots: N.
            low: Smallest standard deviation [policy units].
            high: Largest standard deviation [policy units].
            never: Share of robots without noise.
            rng: Randomness.
            burst: Shortest and longest burst.
            clean: Shortest and longest stretch between them.
        """
        self.rng, self.burst, self.clean = rng, burst, clean
        self.std = rng.uniform(low, high, num_robots)
        self.std[rng.random(num_robots) < never] = 0.0
        self.is_noisy = np.zeros(num_robots, dtype=bool)
        # Robots start anywhere in a clean stretch, not all at the beginning of one.
        self.left = np.ceil(self.stretch(~self.is_noisy) * rng.random(num_robots)).astype(int)

    def stretch(self, clean: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Draw how many steps each robot stays clean, or noisy."""
        calm = self.rng.integers(self.clean[0], self.clean[1], clean.shape, endpoint=True)
        burst = self.rng.integers(self.burst[0], self.burst[1], clean.shape, endpoint=True)
        return np.where(clean, calm, burst)

    def next(self, action_dim: int) -> tuple[NDArray[np.floating[Any]], NDArray[np.bool_]]:
        """Return the noise of this step, (N, action_dim), and whose actions it changes, (N,)."""
        over = self.left <= 0
        self.is_noisy = self.is_noisy ^ over
        self.left = np.where(over, self.stretch(~self.is_noisy), self.left) - 1
        strength = np.where(self.is_noisy, self.std, 0.0)
        noise = strength[:, None] * self.rng.standard_normal((len(strength), action_dim))
        return noise, strength > 0.0
