"""What keeps a robot from standing up or following plans, with the values found."""

from __future__ import annotations

import math

import numpy as np

from simdist_ros.embodiment.observation import RobotState
from simdist_ros.embodiment.robot import Robot
from simdist_ros.safety.modes import Need
from simdist_ros.safety.safe_actions import Readings
from simdist_ros.safety.settings import SafetySettings

__all__ = ['tilted', 'unmet_needs']


def unmet_needs(
    robot: Robot, settings: SafetySettings, readings: Readings, state: RobotState | None
) -> dict[Need, str]:
    """Return what a mode may need and this robot lacks now, and what was found instead.

    A comparison with a NaN counts as lacking.

    Args:
        robot: Whose state it is.
        settings: What is allowed.
        readings: What the watchdog sees.
        state: The newest usable one.
    """
    found: dict[Need, str] = {}
    if not readings.state_age_s <= settings.stale_state_s:
        found[Need.FRESH_STATE] = old('robot state', readings.state_age_s, settings.stale_state_s)
    if not readings.tilt_rad <= robot.max_tilt_rad:
        found[Need.UPRIGHT] = f'the base is {tilted(robot, readings.tilt_rad)}'
    if not readings.is_standing:
        found[Need.STANDING] = off_the_stand_pose(robot, settings, state)
    if not readings.plan_age_s <= settings.stale_plan_s:
        found[Need.FRESH_PLAN] = old('plan', readings.plan_age_s, settings.stale_plan_s)
    elif readings.plan_is_over:
        found[Need.FRESH_PLAN] = 'the newest plan has no step left'
    return found


def tilted(robot: Robot, tilt_rad: float) -> str:
    """Say how far a base is tilted, and what is allowed."""
    return f'tilted by {tilt_rad:.2f} rad (allowed {robot.max_tilt_rad:g})'


def old(what: str, age_s: float, most_s: float) -> str:
    """Say how old the newest of something is, and what is allowed."""
    if math.isinf(age_s):
        return f'no {what} has come'
    return f'the newest {what} is {age_s:.2f} s old (allowed {most_s:g})'


def off_the_stand_pose(robot: Robot, settings: SafetySettings, state: RobotState | None) -> str:
    """Name the joint that is farthest from the stand pose."""
    if state is None:
        return 'the joint positions are not known'
    distance = np.abs(state.joint_pos - robot.per_joint('stand'))
    worst = int(distance.argmax())
    return (
        f'{robot.joint_names[worst]} is {distance[worst]:.2f} rad from the stand pose (allowed '
        f'{settings.stand_tolerance_rad:g})'
    )
