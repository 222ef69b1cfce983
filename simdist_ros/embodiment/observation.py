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
    'height_of_base',
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
        ranges: Distances along the robot's rays, (num_rays,) [m]. None for a robot without them.
        wrench: Force [N] and torque [N m] that act on the tool, in the frame of its sensor, (6,).
    """

    stamp_ns: int
    joint_pos: Array
    joint_vel: Array
    orientation: Array = field(default_factory=lambda: np.full(4, np.nan))
    angular_velocity: Array = field(default_factory=lambda: np.full(3, np.nan))
    linear_velocity: Array = field(default_factory=lambda: np.full(3, np.nan))
    height_map: Array | None = None
    ranges: Array | None = None
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
    """Return the size of the exteroceptive observation; 0 without any modality."""
    return sum(modality.size for modality in robot.modalities)


def extero_obs(robot: Robot, state: RobotState) -> NDArray[np.float32]:
    """Return the exteroceptive observation, (extero_obs_dim,), in the robot's order of modalities.

    Raises:
        ConfigError: A reading is missing or has another size than the robot's description says.
    """
    seen = [np.zeros(0, dtype=np.float32)]
    for modality in robot.modalities:
        reading = getattr(state, modality.name)
        if reading is None or reading.shape != (modality.size,):
            given = 'none' if reading is None else str(reading.size)
            raise ConfigError(
                f'{modality.name} has {given} numbers; robot {robot.name!r} takes {modality.size}'
            )
        seen.append(modality.observed(reading))
    return np.concatenate(seen)


def height_of_base(robot: Robot, state: RobotState) -> float:
    """Return the height of the base over the ground below it [m]; NaN where no sensor tells it."""
    if robot.height_map is None or state.height_map is None:
        return float('nan')
    return float(state.height_map[robot.height_map.centre])
