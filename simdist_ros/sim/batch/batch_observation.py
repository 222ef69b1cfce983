"""What many robots in simulation observe: the terms of `observation_terms`, with noise.

A slope is level ground under tilted gravity, so that it never ends and costs nothing: `up` is the
direction against gravity in the simulation's frame, whose ground is z = 0 (or bumps on it).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.core.rotation import cross, from_body, into_body
from simdist_ros.embodiment.height_map import HeightMap
from simdist_ros.embodiment.observation_terms import States, observed, proprio_noise
from simdist_ros.embodiment.robot import Robot
from simdist_ros.embodiment.sensor_noise import SensorNoise
from simdist_ros.sim.batch.bumps import ground_height

__all__ = ['BatchState', 'Observer', 'height_map']

Array = NDArray[np.floating[Any]]
F32 = NDArray[np.float32]

FORWARD = np.array([[1.0, 0.0, 0.0]])


@dataclass(frozen=True, kw_only=True)
class BatchState(States):
    """Coordinates of N robots at one time each, in the simulation's frame.

    Attributes:
        position: Bases, (N, 3) [m].
        up: Direction against gravity, (N, 3).
    """

    position: Array
    up: Array

    @property
    def gravity(self) -> Array:
        """Direction of gravity in the frames of the bases, (N, 3); a slope tilts it."""
        return into_body(self.orientation, -self.up)


def height_map(grid: HeightMap, state: BatchState, bumps: F32, rough: NDArray[np.intp]) -> Array:
    """Return the height of the bases above the ground around them.

    On bumps under tilted gravity the ground is looked up where the vertical meets the plane below
    them: up to bump height times the slope away from the exact place.

    Args:
        grid: Cells around the base.
        state: Where the robots are.
        bumps: Ground of those on bumps, (R, cells, cells) [m].
        rough: Which robots they are, (R,).

    Returns:
        Heights along gravity, (N, rows * columns) [m].
    """
    up = state.up
    ahead = from_body(state.orientation, FORWARD)
    ahead = ahead - np.sum(ahead * up, axis=1, keepdims=True) * up
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
    left = cross(up, ahead)
    cells = grid.cells()
    z = state.position[:, 2:] + ahead[:, 2:] * cells[:, 0] + left[:, 2:] * cells[:, 1]
    heights: Array = z / up[:, 2:]
    if len(rough):
        below = heights[rough]
        x, y = (
            state.position[rough, i : i + 1]
            + ahead[rough, i : i + 1] * cells[:, 0]
            + left[rough, i : i + 1] * cells[:, 1]
            - below * up[rough, i : i + 1]
            for i in (0, 1)
        )
        heights[rough] -= ground_height(bumps, x, y) / up[rough, 2:]
    return heights


class Observer:
    """Builds the observations of one robot type, in its order of terms."""

    def __init__(self, robot: Robot, noise: SensorNoise) -> None:
        """Look up how noisy the robot's terms are.

        Raises:
            ConfigError: It observes something that is unknown here.
        """
        self.robot, self.noise = robot, noise
        self.amplitude = proprio_noise(robot, noise)

    def proprio(self, state: BatchState) -> F32:
        """Return proprioceptive observations without noise, (N, proprio_obs_dim)."""
        return observed(self.robot, state)

    def noisy(self, proprio_obs: F32, rng: np.random.Generator) -> F32:
        """Add the sensors' errors."""
        error = rng.random(proprio_obs.shape, dtype=np.float32)
        noisy: F32 = proprio_obs + self.amplitude * (2.0 * error - 1.0)
        return noisy

    def extero(self, readings: Mapping[str, Array], rng: np.random.Generator | None) -> F32:
        """Return what is seen of the surroundings, (N, extero_obs_dim); noisy with an `rng`.

        Args:
            readings: Of each modality, (N, size); those that the robot has not are not looked at.
            rng: Draws the errors.
        """
        num_robots = len(next(iter(readings.values())))
        parts = [
            modality.observed(readings[modality.name].astype(np.float32), self.noise, rng)
            for modality in self.robot.modalities
        ]
        return np.concatenate([np.zeros((num_robots, 0), np.float32), *parts], axis=1)
