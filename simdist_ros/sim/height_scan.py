"""Height map by ray casting: how high the base is above the ground around it."""

from __future__ import annotations

import math
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from simdist_ros.sim.scenes.terrain import GROUND_GROUP

__all__ = ['HeightScan']

Array = NDArray[np.floating[Any]]

ABOVE_M = 5.0  # where rays start, above the base
DOWN = np.array([0.0, 0.0, -1.0])


class HeightScan:
    """Casts vertical rays against the ground only, never against the robot."""

    def __init__(self, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        """Scan the ground of one simulation; its geometry must have been computed once."""
        self.model, self.data = model, data
        self.groups = np.zeros(6, dtype=np.uint8)
        self.groups[GROUND_GROUP] = 1
        self.geom = np.zeros(1, dtype=np.int32)
        self.start = np.zeros(3)

    def depth(self, x: float, y: float, z: float) -> float:
        """Return how far below (x, y, z) the ground is [m]; negative if above, NaN if none."""
        self.start[:] = x, y, z + ABOVE_M
        distance: float = mujoco.mj_ray(
            self.model, self.data, self.start, DOWN, self.groups, 1, -1, self.geom
        )
        return distance - ABOVE_M if distance >= 0.0 else math.nan

    def scan(self, position: Array, yaw_rad: float, cells: Array) -> Array:
        """Measure a grid of cells around the base.

        Args:
            position: Of the base, (3,) [m].
            yaw_rad: Of the base; the grid turns with it but does not tilt [rad].
            cells: x and y of each cell in the yaw frame, (N, 2) [m].

        Returns:
            Base height above the ground at each cell, (N,) [m]; NaN without ground.
        """
        cos, sin = math.cos(yaw_rad), math.sin(yaw_rad)
        x = position[0] + cos * cells[:, 0] - sin * cells[:, 1]
        y = position[1] + sin * cells[:, 0] + cos * cells[:, 1]
        z = float(position[2])
        return np.array([self.depth(*at, z) for at in zip(x.tolist(), y.tolist(), strict=True)])
