"""The ground of many robots: level for all, with bumps on it for some."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.embodiment.robot import Robot
from simdist_ros.sim.batch.batch_observation import BatchState, height_map
from simdist_ros.sim.batch.bumps import ground_height

__all__ = ['BatchGround']

Array = NDArray[np.floating[Any]]
F32 = NDArray[np.float32]

UNDER_BASE_M = 0.25
REACH_M = np.array([-0.25, -0.15, 0.0, 0.15, 0.25])  # of a standing robot, each way


class BatchGround:
    """Looks up the ground below N robots."""

    def __init__(self, robot: Robot) -> None:
        """Begin without bumps."""
        self.grid = robot.height_map
        cells = np.zeros((0, 2)) if self.grid is None else self.grid.cells()
        self.under = np.flatnonzero(np.abs(cells).max(axis=1, initial=0.0) <= UNDER_BASE_M)
        self.bumps: dict[int, F32] = {}
        self.stacked: tuple[NDArray[np.intp], F32] | None = None

    def put(self, i: int, bumps: F32 | None) -> None:
        """Give one robot its bumps, (cells, cells) [m], or a plane."""
        self.bumps.pop(i, None)
        if bumps is not None:
            self.bumps[i] = bumps
        self.stacked = None

    def rough(self) -> tuple[NDArray[np.intp], F32]:
        """Return who walks on bumps, (R,), and their bumps, (R, cells, cells) [m]."""
        if self.stacked is None:
            index = np.array(sorted(self.bumps), dtype=np.intp)
            squares = [self.bumps[int(i)] for i in index]
            self.stacked = index, np.stack(squares) if squares else np.zeros((0, 1, 1), np.float32)
        return self.stacked

    def highest_below(self, i: int, position: Array) -> float:
        """Return the highest ground that a robot standing at x, y, (2,) [m], has below it [m]."""
        if i not in self.bumps:
            return 0.0
        x, y = position[0] + REACH_M[:, None], position[1] + REACH_M[None, :]
        grid = np.broadcast_arrays(x, y)
        return float(ground_height(self.bumps[i][None], grid[0][None], grid[1][None]).max())

    def heights(self, state: BatchState) -> Array:
        """Return the true height maps, (N, cells) [m]; without a map, the height of the base."""
        if self.grid is None:
            return state.position[:, 2:] / state.up[:, 2:]
        index, bumps = self.rough()
        return height_map(self.grid, state, bumps, index)

    def base_height(self, state: BatchState, heights: Array) -> Array:
        """Return the height of each base over the mean of the ground below it, (N,) [m]."""
        below = heights[:, self.under] if len(self.under) else heights
        mean: Array = below.mean(axis=1) * state.up[:, 2]
        return mean

    def foot_height(self, position: Array, radius: Array) -> Array:
        """Return how high the lowest point of each foot is over the ground.

        Args:
            position: Centres of the feet, (N, F, 3) [m].
            radius: Of the feet, (F,) [m].

        Returns:
            Heights, (N, F) [m].
        """
        height: Array = position[..., 2] - radius
        index, bumps = self.rough()
        if len(index):
            x, y = position[index, :, 0], position[index, :, 1]
            height[index] -= ground_height(bumps, x, y)
        return height
