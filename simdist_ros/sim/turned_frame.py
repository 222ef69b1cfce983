"""A controller that moves the tool in another direction than it is told: its frame is turned."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.action_space import ToolDelta, action_space_of
from simdist_ros.embodiment.robot import Robot
from simdist_ros.embodiment.tool_delta import TOOL_AXES
from simdist_ros.sim.scenes.world import World

__all__ = ['AsTold', 'TurnedFrame', 'turned_frame']

Array = NDArray[np.floating[Any]]


class AsTold:
    """Joints go where they are told."""

    def begin(self, joint_pos: Array) -> None:
        """Start an episode; nothing is kept."""

    def executed(self, target: Array) -> Array:
        """Return the joint targets themselves."""
        return target


class TurnedFrame(AsTold):
    """Each motion of the tool that joint targets come to is turned about the vertical."""

    def __init__(self, space: ToolDelta, angle_rad: float) -> None:
        """Take the robot's actions and the angle, seen from above, positive to the left."""
        cos, sin = math.cos(angle_rad), math.sin(angle_rad)
        turn = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
        self.space, self.turn = space, np.kron(np.eye(2), turn)
        self.told: Array = np.zeros(0)
        self.done: Array = np.zeros(0)

    def begin(self, joint_pos: Array) -> None:
        """Start an episode where the joints are, (num_joints,) [rad]."""
        self.told = self.done = joint_pos

    def executed(self, target: Array) -> Array:
        """Return the joint targets that move the tool in the turned frame, (num_joints,) [rad]."""
        motion = self.turn @ self.space.from_joints(target, self.told)
        self.told, self.done = target, self.space.to_joints(motion, self.done)
        return self.done


def turned_frame(robot: Robot, world: World) -> AsTold:
    """Return how a world changes what a robot's joints are told.

    Raises:
        ConfigError: It turns the frame of a tool whose motions are not the robot's actions.
    """
    if not world.tool_frame_deg:
        return AsTold()
    space = action_space_of(robot)
    if not isinstance(space, ToolDelta) or space.dim != len(TOOL_AXES):
        raise ConfigError(
            f'world {world.name!r}: tool_frame_deg is {world.tool_frame_deg:g}, but actions of '
            f'{robot.name!r} do not move a tool along all axes; leave it out'
        )
    return TurnedFrame(space, math.radians(world.tool_frame_deg))
