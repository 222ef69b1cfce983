"""Operating modes and which the operator may go to from which."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from simdist_ros.core.errors import SimdistError, unknown_name

__all__ = ['TRANSITIONS', 'Conditions', 'Mode', 'ModeRefused', 'parse_mode', 'request']


class ModeRefused(SimdistError):  # noqa: N818  named for what the operator reads
    """The operator asked for a mode that the robot cannot go to now."""


class Mode(Enum):
    """What the operator wants; the robot may do something safer.

    Where joints are damped, those of a robot whose `safe_action` is hold keep their last target.
    """

    OFF = 'off'  # joints damped
    STAND = 'stand'  # goes to the stand pose and holds it
    WALK = 'walk'  # follows the plan
    RECOVER = 'recover'  # joints damped after a fall or an e-stop, until stood up again
    ESTOP = 'estop'  # joints damped, and left only by recover


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """What a mode may require of the robot."""

    fresh_state: bool
    upright: bool
    standing: bool
    fresh_plan: bool


REMEDY = {
    'fresh_state': 'no fresh robot state; check that the robot publishes',
    'upright': 'the robot is tilted; set it upright first',
    'standing': 'the joints are not near the stand pose; wait until it stands',
    'fresh_plan': 'no fresh plan; activate the planner first',
}

STAND_NEEDS = ('fresh_state', 'upright')
WALK_NEEDS = ('fresh_state', 'upright', 'standing', 'fresh_plan')

# From, to: what is required. What is not listed is refused; to stay is always allowed.
TRANSITIONS: dict[tuple[Mode, Mode], tuple[str, ...]] = {
    (Mode.OFF, Mode.STAND): STAND_NEEDS,
    (Mode.OFF, Mode.RECOVER): (),
    (Mode.OFF, Mode.ESTOP): (),
    (Mode.STAND, Mode.OFF): (),
    (Mode.STAND, Mode.WALK): WALK_NEEDS,
    (Mode.STAND, Mode.RECOVER): (),
    (Mode.STAND, Mode.ESTOP): (),
    (Mode.WALK, Mode.OFF): (),
    (Mode.WALK, Mode.STAND): (),
    (Mode.WALK, Mode.ESTOP): (),
    (Mode.RECOVER, Mode.OFF): (),
    (Mode.RECOVER, Mode.STAND): STAND_NEEDS,
    (Mode.RECOVER, Mode.ESTOP): (),
    (Mode.ESTOP, Mode.RECOVER): (),
}

INSTEAD = {
    (Mode.OFF, Mode.WALK): 'stand first',
    (Mode.RECOVER, Mode.WALK): 'stand first',
    (Mode.WALK, Mode.RECOVER): 'stand or off first',
    (Mode.ESTOP, Mode.OFF): 'recover first',
    (Mode.ESTOP, Mode.STAND): 'recover first',
    (Mode.ESTOP, Mode.WALK): 'recover first',
}


def request(mode: Mode, wanted: Mode, conditions: Conditions) -> Mode:
    """Return the mode that a request leads to.

    Raises:
        ModeRefused: It is not allowed from here, or the robot is not ready for it.
    """
    if wanted is mode:
        return mode
    if (mode, wanted) not in TRANSITIONS:
        raise ModeRefused(f'{wanted.value} is refused from {mode.value}: {INSTEAD[mode, wanted]}')
    for need in TRANSITIONS[mode, wanted]:
        if not getattr(conditions, need):
            raise ModeRefused(f'{wanted.value} is refused from {mode.value}: {REMEDY[need]}')
    return wanted


def parse_mode(name: str) -> Mode:
    """Return the mode of that name.

    Raises:
        ModeRefused: There is none.
    """
    names = {mode.value: mode for mode in Mode}
    if name.strip().lower() not in names:
        raise ModeRefused(unknown_name('mode', name, names))
    return names[name.strip().lower()]
