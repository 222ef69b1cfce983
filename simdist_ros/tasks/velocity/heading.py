"""Which way a robot faces, and a driver who keeps it facing there."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.core.errors import ConfigError
from simdist_ros.core.rotation import yaw
from simdist_ros.embodiment.robot import Robot
from simdist_ros.tasks.velocity.settings import velocity_goal

__all__ = ['HeadingHold']

Array = NDArray[np.floating[Any]]

YAW_RATE = 2  # its place in a command


class HeadingHold:
    """Asks for one velocity, and for the turning that brings the robot back to where it faced.

    A robot that is told to walk straight on turns a little, on a slope more: a velocity says
    nothing about the heading. Its driver, a person or a navigation stack, corrects that.
    """

    def __init__(self, robot: Robot, velocity: Array, gain: float) -> None:
        """Steer from the first orientation on.

        Args:
            robot: Whose yaw rates limit the turning.
            velocity: vx, vy [m/s] and yaw rate [rad/s], (command_dim,).
            gain: Yaw rate per angle [1/s]; 0 does not steer.

        Raises:
            ConfigError: To hold a heading and to turn are asked for at once, or the robot's
                commands have no yaw rate.
        """
        if gain and len(velocity) <= YAW_RATE:
            raise ConfigError(
                f'heading_gain is {gain}, but robot {robot.name!r} takes no yaw rate; leave it 0'
            )
        if gain and velocity[YAW_RATE] != 0.0:
            raise ConfigError(
                f'heading_gain is {gain} and the yaw rate asked for {velocity[YAW_RATE]}; a '
                'heading is held only where that is 0'
            )
        self.velocity, self.gain = velocity, gain
        self.goal = velocity_goal(robot)
        self.heading: float | None = None

    def command(self, orientation: Array) -> Array:
        """Return what to ask for now, (command_dim,), given the orientation w, x, y, z."""
        if not self.gain or not np.isfinite(orientation).all():
            return self.velocity
        now = yaw(orientation)
        if self.heading is None:
            self.heading = now
        steered = self.velocity.copy()
        steered[YAW_RATE] = self.gain * math.remainder(self.heading - now, 2.0 * math.pi)
        return self.goal.clip(steered)
