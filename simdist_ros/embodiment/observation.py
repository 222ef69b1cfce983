"""From what a robot measures to what its world model sees."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.core.errors import ConfigError, unknown_name
from simdist_ros.core.rotation import projected_gravity
from simdist_ros.embodiment.robot import Robot

__all__ = [
    'PROPRIO_TERMS',
    'RobotState',
    'extero_obs',
    'gait_phase',
    'proprio_obs',
    'proprio_obs_dim',
]

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True, kw_only=True)
class RobotState:
    """Everything measured at one stamp, in the robot's joint order.

    Attributes:
        stamp_ns: Time of the measurement [ns].
        joint_pos: Joint positions, (num_joints,) [rad].
        joint_vel: Joint velocities, (num_joints,) [rad/s].
        orientation: Base in the world as a unit quaternion w, x, y, z, (4,).
        angular_velocity: Of the base in its own frame, (3,) [rad/s].
        linear_velocity: Of the base in its own frame, (3,) [m/s].
        height_map: Height of the base above the ground at each cell of the robot's grid,
            (rows * columns,) [m], x fastest; NaN where unknown. None for a robot without one.
    """

    stamp_ns: int
    joint_pos: Array
    joint_vel: Array
    orientation: Array
    angular_velocity: Array
    linear_velocity: Array
    height_map: Array | None = None


def gait_phase(stamp_ns: int, period_s: float) -> Array:
    """Return cosine and sine of the gait clock, (2,); a function of the stamp alone."""
    period_ns = round(period_s * 1e9)
    angle = 2.0 * np.pi * (stamp_ns % period_ns) / period_ns
    return np.array([np.cos(angle), np.sin(angle)])


Term = Callable[[Robot, RobotState], Array]

PROPRIO_TERMS: dict[str, tuple[Callable[[Robot], int], Term]] = {
    'base_lin_vel': (lambda robot: 3, lambda robot, state: state.linear_velocity),
    'base_ang_vel': (lambda robot: 3, lambda robot, state: state.angular_velocity),
    'projected_gravity': (lambda robot: 3, lambda robot, s: projected_gravity(s.orientation)),
    'joint_pos': (
        lambda robot: robot.num_joints,
        lambda robot, state: state.joint_pos - robot.per_joint('default'),
    ),
    'joint_vel': (lambda robot: robot.num_joints, lambda robot, state: state.joint_vel),
    'cos_sin_phase': (
        lambda robot: 2,
        lambda robot, state: gait_phase(state.stamp_ns, robot.phase_period_s),
    ),
}


def proprio_obs(robot: Robot, state: RobotState) -> NDArray[np.float32]:
    """Return the proprioceptive observation, (proprio_obs_dim,), in the robot's order of terms."""
    terms = [lookup(term)[1](robot, state) for term in robot.proprio_obs]
    return np.concatenate(terms).astype(np.float32)


def proprio_obs_dim(robot: Robot) -> int:
    """Return the size of the proprioceptive observation."""
    return sum(lookup(term)[0](robot) for term in robot.proprio_obs)


def lookup(term: str) -> tuple[Callable[[Robot], int], Term]:
    """Return size and function of a named term."""
    if term not in PROPRIO_TERMS:
        raise ConfigError(unknown_name('observation term', term, PROPRIO_TERMS))
    return PROPRIO_TERMS[term]


def extero_obs(robot: Robot, state: RobotState) -> NDArray[np.float32]:
    """Return the height-map observation, (rows * columns,); positive where ground is low.

    An unknown cell takes the median of the known ones: level ground, neither wall nor hole.

    Raises:
        ConfigError: The map is missing or has another size than the robot's grid.
    """
    grid = robot.height_map
    if grid is None:
        return np.zeros(0, dtype=np.float32)
    if state.height_map is None or state.height_map.shape != (grid.size,):
        given = 'none' if state.height_map is None else str(state.height_map.size)
        raise ConfigError(
            f'height map has {given} cells; robot {robot.name!r} takes {grid.columns} x '
            f'{grid.rows} = {grid.size}'
        )
    heights = state.height_map - grid.offset_m
    unknown = np.isnan(heights)
    if unknown.any():
        heights = np.where(unknown, np.median(heights[~unknown]), heights)
    clipped: NDArray[np.float32] = np.clip(heights, -grid.clip_m, grid.clip_m).astype(np.float32)
    return clipped
