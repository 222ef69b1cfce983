"""From what a robot measures to what its world model sees."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.observation_terms import States, observed
from simdist_ros.embodiment.robot import Robot

__all__ = [
    'RobotState',
    'extero_obs',
    'extero_obs_dim',
    'proprio_obs',
]

Array = NDArray[np.floating[Any]]

MEASURED = tuple(field.name for field in fields(States) if field.name != 'command')


@dataclass(frozen=True, kw_only=True)
class RobotState:
    """Everything measured at one stamp, in the robot's joint order.

    What the robot has no sensor for is NaN, of which no comparison holds.

    Attributes:
        stamp_ns: Time of the measurement [ns].
        joint_pos: Joint positions, (num_joints,) [rad].
        joint_vel: Joint velocities, (num_joints,) [rad/s].
        orientation: Base in the world as a unit quaternion w, x, y, z, (4,).
        angular_velocity: Of the base in its own frame, (3,) [rad/s].
        linear_velocity: Of the base in its own frame, (3,) [m/s].
        height_map: Height of the base above the ground at each cell of the robot's grid,
            (rows * columns,) [m], x fastest; NaN where unknown. None for a robot without one.
        wrench: Force [N] and torque [N m] that act on the tool, in the frame of its sensor, (6,).
    """

    stamp_ns: int
    joint_pos: Array
    joint_vel: Array
    orientation: Array = field(default_factory=lambda: np.full(4, np.nan))
    angular_velocity: Array = field(default_factory=lambda: np.full(3, np.nan))
    linear_velocity: Array = field(default_factory=lambda: np.full(3, np.nan))
    height_map: Array | None = None
    wrench: Array = field(default_factory=lambda: np.full(6, np.nan))


def proprio_obs(
    robot: Robot, state: RobotState, command: Array | None = None
) -> NDArray[np.float32]:
    """Return the proprioceptive observation, (proprio_obs_dim,), in the robot's order of terms.

    Args:
        robot: Whose terms.
        state: What was measured.
        command: What the robot is asked for, (command_dim,), where a term depends on it.
    """
    measured = {name: np.asarray(getattr(state, name))[None] for name in MEASURED}
    told = np.zeros(0) if command is None else np.asarray(command)
    one = States(**measured, command=told[None])
    seen: NDArray[np.float32] = observed(robot, one)[0]
    return seen


def extero_obs_dim(robot: Robot) -> int:
    """Return the size of the height-map observation; 0 without a map."""
    return 0 if robot.height_map is None else robot.height_map.size


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
