"""What many robots observe at once, as `simdist_ros.embodiment.observation` has it for one.

A slope is level ground under tilted gravity, so that it never ends and costs nothing: `up` is the
direction against gravity in the simulation's frame, whose ground is z = 0 (or bumps on it).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.core.errors import ConfigError, unknown_name
from simdist_ros.core.rotation import cross, from_body, into_body
from simdist_ros.embodiment.robot import HeightMap, Robot
from simdist_ros.sim.batch.bumps import ground_height
from simdist_ros.tasks.velocity.recipe import SensorNoise

__all__ = ['BatchState', 'Observer', 'height_map']

Array = NDArray[np.floating[Any]]
F32 = NDArray[np.float32]

FORWARD = np.array([[1.0, 0.0, 0.0]])


@dataclass(frozen=True)
class BatchState:
    """Coordinates of N robots at one time each.

    Attributes:
        stamp_ns: Clock of each robot, (N,) [ns].
        position: Base in the simulation's frame, (N, 3) [m].
        orientation: Base as w, x, y, z, (N, 4).
        linear_velocity: Of the base in its own frame, (N, 3) [m/s].
        angular_velocity: In its own frame, (N, 3) [rad/s].
        joint_pos: In the robot's order, (N, num_joints) [rad].
        joint_vel: In the robot's order, (N, num_joints) [rad/s].
        up: Direction against gravity in the simulation's frame, (N, 3).
    """

    stamp_ns: NDArray[np.int64]
    position: Array
    orientation: Array
    linear_velocity: Array
    angular_velocity: Array
    joint_pos: Array
    joint_vel: Array
    up: Array


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
        """Look the robot's terms up.

        Raises:
            ConfigError: It observes something that is unknown here.
        """
        self.robot, self.noise = robot, noise
        self.default = robot.per_joint('default')
        for term in robot.proprio_obs:
            if term not in self.terms_of(None):
                known = self.terms_of(None)
                raise ConfigError(unknown_name('observation term', term, known))
        self.amplitude = self.amplitudes()

    def terms_of(self, state: BatchState | None) -> Mapping[str, Any]:
        """Return each known term of a state, (N, size), or just their names without one."""
        names = (
            'base_lin_vel',
            'base_ang_vel',
            'projected_gravity',
            'joint_pos',
            'joint_vel',
            'cos_sin_phase',
        )
        if state is None:
            return dict.fromkeys(names)
        values = (
            state.linear_velocity,
            state.angular_velocity,
            into_body(state.orientation, -state.up),
            state.joint_pos - self.default,
            state.joint_vel,
            self.phase(state.stamp_ns),
        )
        return dict(zip(names, values, strict=True))

    def phase(self, stamp_ns: NDArray[np.int64]) -> Array:
        """Return cosine and sine of the gait clock, (N, 2)."""
        angle = 2.0 * np.pi * phase_of(self.robot, stamp_ns)
        return np.stack([np.cos(angle), np.sin(angle)], axis=-1)

    def amplitudes(self) -> F32:
        """Return the largest error of each proprioceptive number."""
        size = {'joint_pos': self.robot.num_joints, 'joint_vel': self.robot.num_joints}
        parts = [
            np.full(size.get(term, 3), getattr(self.noise, term))
            if term != 'cos_sin_phase'
            else np.zeros(2)
            for term in self.robot.proprio_obs
        ]
        return np.concatenate(parts).astype(np.float32)

    def proprio(self, state: BatchState) -> F32:
        """Return proprioceptive observations without noise, (N, proprio_obs_dim)."""
        terms = self.terms_of(state)
        parts = [terms[term] for term in self.robot.proprio_obs]
        return np.concatenate(parts, axis=1, dtype=np.float32)

    def noisy(self, proprio_obs: F32, rng: np.random.Generator) -> F32:
        """Add the sensors' errors."""
        error = rng.random(proprio_obs.shape, dtype=np.float32)
        noisy: F32 = proprio_obs + self.amplitude * (2.0 * error - 1.0)
        return noisy

    def extero(self, heights: Array, rng: np.random.Generator | None) -> F32:
        """Return height-map observations, (N, rows * columns), of maps; noisy with an `rng`."""
        grid = self.robot.height_map
        if grid is None:
            return np.zeros((len(heights), 0), dtype=np.float32)
        seen = heights.astype(np.float32) - np.float32(grid.offset_m)
        if rng is not None:
            seen += self.noise.height_map * (2.0 * rng.random(seen.shape, np.float32) - 1.0)
            hidden = rng.random(seen.shape, dtype=np.float32) < self.noise.missing
            middle = np.broadcast_to(np.median(seen, axis=1, keepdims=True), seen.shape)
            seen[hidden] = middle[hidden]
        clipped: F32 = np.clip(seen, -grid.clip_m, grid.clip_m)
        return clipped


def phase_of(robot: Robot, stamp_ns: NDArray[np.int64]) -> Array:
    """Return the phase of the gait clock, 0 to 1."""
    period_ns = round(robot.phase_period_s * 1e9)
    phase: Array = (stamp_ns % period_ns) / period_ns
    return phase
