"""Faults at run time, and the safe action of each."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum

from simdist_ros.safety.modes import Mode
from simdist_ros.safety.settings import SafetySettings

__all__ = ['MODE_ACTION', 'SAFE_ACTION', 'STOPS', 'Action', 'Fault', 'Readings', 'assess']


class Action(IntEnum):
    """What the joints do; the larger, the safer."""

    FOLLOW_PLAN = 0
    STAND = 1  # ramp to the stand pose and hold it
    DAMP = 2  # velocity gain only
    HOLD = 3  # the last target that was safe; only a robot whose `safe_action` it is


class Fault(IntEnum):
    """What is wrong; the larger, the more severe. Only the worst is reported."""

    NONE = 0
    PLAN_NOT_FINITE = 1  # the last plan was refused, the one before goes on
    UNUSABLE_STATE = 2  # the newest one; the plan's next step goes on
    NOT_STANDING = 3  # damped while it followed plans; stands up before it goes on
    SETTLING = 4  # plans come again, but a stale one is not long ago
    NO_PLAN = 5  # asked to follow plans, and none has come yet
    STALE_PLAN = 6  # the plan is too old, or its steps are used up
    FOREIGN_PLAN = 7  # another node publishes plans
    STALE_STATE = 8  # no usable state for too long
    FOREIGN_ROBOT = 9  # another node publishes the robot's states or joint commands
    WORKSPACE = 10  # the tool is outside it; as the two below, a protective stop
    TOOL_SPEED = 11
    CONTACT = 12  # force or torque at the wrist
    TILT = 13  # falling
    ESTOP = 14


STOPS = (Fault.WORKSPACE, Fault.TOOL_SPEED, Fault.CONTACT)  # protective: an arm stops by itself


SAFE_ACTION: dict[Fault, Action] = {
    Fault.NONE: Action.FOLLOW_PLAN,
    Fault.PLAN_NOT_FINITE: Action.FOLLOW_PLAN,
    Fault.UNUSABLE_STATE: Action.FOLLOW_PLAN,
    Fault.NOT_STANDING: Action.STAND,
    Fault.SETTLING: Action.STAND,
    Fault.NO_PLAN: Action.STAND,
    Fault.STALE_PLAN: Action.STAND,
    Fault.FOREIGN_PLAN: Action.STAND,
    Fault.STALE_STATE: Action.DAMP,
    Fault.FOREIGN_ROBOT: Action.DAMP,
    Fault.WORKSPACE: Action.DAMP,
    Fault.TOOL_SPEED: Action.DAMP,
    Fault.CONTACT: Action.DAMP,
    Fault.TILT: Action.DAMP,
    Fault.ESTOP: Action.DAMP,
}

MODE_ACTION: dict[Mode, Action] = {
    Mode.OFF: Action.DAMP,
    Mode.STAND: Action.STAND,
    Mode.FOLLOW: Action.FOLLOW_PLAN,
    Mode.RECOVER: Action.DAMP,
    Mode.ESTOP: Action.DAMP,
}


@dataclass(frozen=True, kw_only=True)
class Readings:
    """What the watchdog looks at; an age is infinite where there is nothing to be old.

    Attributes:
        state_is_usable: Whether the newest state is.
        state_age_s: Age of the newest usable state [s].
        tilt_rad: Tilt of the base in it [rad]; 0 while there is none, and of a fixed base.
        is_standing: Whether its joints are near the stand pose.
        was_damped: Whether the joints were damped in mode follow, and have not stood since.
        plan_age_s: Age of the plan's first step at the newest state [s].
        plan_is_over: Whether the plan has no step left for the newest state.
        plan_is_settling: Whether a plan was stale less than `SafetySettings.settle_s` ago.
        plan_was_refused: Whether the last plan received was not finite.
        plan_is_foreign: Whether more than one node publishes plans.
        robot_is_foreign: Whether more than one node publishes states or joint commands.
        stop: One of `STOPS`, or none.
    """

    state_is_usable: bool
    state_age_s: float
    tilt_rad: float
    is_standing: bool
    was_damped: bool
    plan_age_s: float
    plan_is_over: bool
    plan_is_settling: bool
    plan_was_refused: bool
    plan_is_foreign: bool = False
    robot_is_foreign: bool = False
    stop: Fault = Fault.NONE


def assess(
    mode: Mode,
    readings: Readings,
    settings: SafetySettings,
    max_tilt_rad: float,
    *,
    holds: bool = False,
) -> tuple[Fault, Action]:
    """Return the worst fault and what the joints do about it in this mode.

    A comparison with a NaN counts as a fault. A robot that `holds` keeps its last safe target
    where another is damped, where another leaves its plan for the stand pose, and where another
    goes on with its plan without a usable state: in contact that is no small matter.
    """
    fault = worst_fault(mode, readings, settings, max_tilt_rad)
    by_mode, by_fault = MODE_ACTION[mode], SAFE_ACTION[fault]
    if holds and by_mode is Action.DAMP:
        by_mode = Action.HOLD
    is_blind = fault is Fault.UNUSABLE_STATE
    if holds and (by_fault is not Action.FOLLOW_PLAN or is_blind):
        by_fault = Action.HOLD
    return fault, max(by_mode, by_fault)


def worst_fault(
    mode: Mode, readings: Readings, settings: SafetySettings, max_tilt_rad: float
) -> Fault:
    """Return the worst fault; those of the plan matter only in mode follow."""
    found = {
        Fault.ESTOP: mode is Mode.ESTOP,
        Fault.TILT: not readings.tilt_rad <= max_tilt_rad,
        readings.stop: True,
        Fault.FOREIGN_ROBOT: readings.robot_is_foreign,
        Fault.STALE_STATE: not readings.state_age_s <= settings.stale_state_s,
        Fault.UNUSABLE_STATE: not readings.state_is_usable,
    }
    if mode is Mode.FOLLOW:
        found |= {
            Fault.STALE_PLAN: not readings.plan_age_s <= settings.stale_plan_s
            or readings.plan_is_over,
            Fault.FOREIGN_PLAN: readings.plan_is_foreign,
            Fault.SETTLING: readings.plan_is_settling,
            Fault.NO_PLAN: readings.plan_age_s == math.inf,
            Fault.NOT_STANDING: readings.was_damped and not readings.is_standing,
            Fault.PLAN_NOT_FINITE: readings.plan_was_refused,
        }
        found[Fault.STALE_PLAN] &= not found[Fault.NO_PLAN]
    return max((fault for fault, is_found in found.items() if is_found), default=Fault.NONE)
