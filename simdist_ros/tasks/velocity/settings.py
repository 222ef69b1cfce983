"""What a robot's description says of this task, under ``tasks: velocity:``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simdist_ros.core.errors import ConfigError
from simdist_ros.core.settings import Settings, setting
from simdist_ros.embodiment.robot import Robot
from simdist_ros.tasks.goal import GoalSpec

__all__ = ['VELOCITY', 'VelocitySettings', 'velocity_goal', 'velocity_settings']

VELOCITY = 'velocity'
NAMES, UNITS = ('vx', 'vy', 'yaw_rate'), ('m/s', 'm/s', 'rad/s')


@dataclass(frozen=True, kw_only=True)
class VelocitySettings(Settings):
    """What the robot can be asked for."""

    command_low: tuple[float, ...] = setting((), 'Smallest vx, vy [m/s], yaw rate [rad/s].')
    command_high: tuple[float, ...] = setting((), 'Largest vx, vy [m/s], yaw rate [rad/s].')

    def __post_init__(self) -> None:
        """Check that the bounds belong together."""
        super().__post_init__()
        low, high = self.command_low, self.command_high
        if len(low) != len(high) or not 0 < len(low) <= len(NAMES):
            raise ConfigError(
                f'command_low has {len(low)} numbers and command_high {len(high)}; give vx, vy '
                'and yaw rate in both'
            )
        if any(a > b for a, b in zip(low, high, strict=True)):
            raise ConfigError(f'command_low is {list(low)}, beyond command_high, {list(high)}')


def velocity_settings(robot: Robot) -> VelocitySettings:
    """Return what a robot's description says of this task.

    Raises:
        ConfigError: It says nothing, or breaks a rule.
    """
    if VELOCITY not in robot.tasks:
        named = ', '.join(robot.tasks) or 'none'
        raise ConfigError(f'robot {robot.name!r} is not asked for a velocity; its tasks: {named}')
    source = f'robot {robot.name!r}: tasks: {VELOCITY}'
    return VelocitySettings.from_mapping(robot.tasks.get(VELOCITY, {}), source)


def velocity_goal(robot: Robot) -> GoalSpec:
    """Return the velocities that a robot can be asked for."""
    s = velocity_settings(robot)
    low, high = np.array(s.command_low), np.array(s.command_high)
    size = len(low)
    return GoalSpec(f'robot {robot.name!r}', NAMES[:size], UNITS[:size], low, high)
