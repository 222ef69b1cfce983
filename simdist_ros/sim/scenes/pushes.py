"""Pushes at random times."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from simdist_ros.sim.scenes.world import World

__all__ = ['Pushes']

SPREAD = 0.5  # an interval lies within 1 -+ this of the mean


class Pushes:
    """Sudden changes of the base's velocity, in random level directions."""

    def __init__(self, world: World, rng: np.random.Generator) -> None:
        """Draw when the first one comes."""
        self.interval_s, self.speed = world.push_interval_s, world.push_speed_mps
        self.rng = rng
        self.next_s = math.inf
        if self.interval_s and self.speed:
            self.next_s = self.interval()

    def interval(self) -> float:
        """Draw the time from one push to the next [s]."""
        return self.interval_s * float(self.rng.uniform(1.0 - SPREAD, 1.0 + SPREAD))

    def due(self, time_s: float) -> NDArray[np.float64] | None:
        """Return the velocity that a push adds at this time, (2,) [m/s], or None without one."""
        if time_s < self.next_s:
            return None
        self.next_s += self.interval()
        angle = self.rng.uniform(-math.pi, math.pi)
        return self.speed * np.array([math.cos(angle), math.sin(angle)])
