"""A command that is a place to work at: its frame, and where the tool is in it.

Such a command is x, y, z [m] and yaw [rad] of a frame in that of the base, whose z axis points up.
A tool that points straight down into it, its x axis along that of the frame, is not turned.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.core.errors import ConfigError
from simdist_ros.core.rotation import rotation_vector
from simdist_ros.embodiment.kinematics import tool_chain
from simdist_ros.embodiment.robot import Robot

__all__ = ['GOAL_POSE', 'frame_of', 'tool_from_goal', 'wanted_pose']

Array = NDArray[np.floating[Any]]

GOAL_POSE = ('x', 'y', 'z', 'yaw')
POINTING_DOWN = np.diag([1.0, -1.0, -1.0])


def frame_of(command: Array) -> tuple[Array, Array]:
    """Return origin, (..., 3) [m], and axes, (..., 3, 3), of the frames of commands, (..., 4)."""
    return command[..., :3], about_z(command[..., 3])


def about_z(angle: Array) -> Array:
    """Return rotations about the z axis, (..., 3, 3), by angles, (...) [rad]."""
    found = np.zeros((*angle.shape, 3, 3))
    found[..., 0, 0] = found[..., 1, 1] = np.cos(angle)
    found[..., 1, 0] = np.sin(angle)
    found[..., 0, 1] = -found[..., 1, 0]
    found[..., 2, 2] = 1.0
    return found


def tool_from_goal(robot: Robot, joint_pos: Array, command: Array) -> Array:
    """Return place [m] and rotation vector [rad] of tools in the frames of commands, (N, 6).

    Args:
        robot: With a tool.
        joint_pos: (N, num_joints) [rad].
        command: (N, 4).

    Raises:
        ConfigError: The commands are no such places.
    """
    if command.shape[-1] != len(GOAL_POSE):
        raise ConfigError(
            f'robot {robot.name!r} observes its tool from its goal, a command of x, y, z and yaw; '
            f'this one has {command.shape[-1]} numbers: leave tool_from_goal out of proprio_obs'
        )
    origin, axes = frame_of(command)
    place, rotation, _ = tool_chain(robot).motion(joint_pos)
    inward = np.swapaxes(axes, -1, -2)
    at = (inward @ (place - origin)[..., None])[..., 0]
    turn = rotation_vector(inward @ rotation @ POINTING_DOWN)
    return np.concatenate([at, turn], axis=-1)


def wanted_pose(command: Array, at: Array, turn: Array) -> tuple[Array, Array]:
    """Return place [m] and rotation in the frame of the base of tools given in those of commands.

    Args:
        command: (N, 4).
        at: Place in its frame, (N, 3) [m].
        turn: About its z axis, (N,) [rad].
    """
    origin, axes = frame_of(command)
    place = origin + (axes @ at[..., None])[..., 0]
    return place, axes @ about_z(turn) @ POINTING_DOWN
