"""Operating modes and which the operator may go to from which."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from simdist_ros.core.errors import SimdistError, unknown_name

__all__ = ['OLDER_NAME', 'TRANSITIONS', 'Mode', 'ModeRefused', 'Need', 'parse_mode', 'request']


class ModeRefused(SimdistError):  # noqa: N818  named for what the operator reads
    """The operator asked for a mode that the robot cannot go to now."""


OLDER_NAME = 'walk'  # of mode follow, in launch files and scripts of users


class Mode(Enum):
    """What the operator wants; the robot may do something safer.

    Where joints are damped, those of a robot whose `safe_action` is hold keep their last target.
    """

    OFF = 'off'  # joints damped
    STAND = 'stand'  # goes to the stand pose and holds it
    FOLLOW = 'follow'  # follows the plan
    RECOVER = 'recover'  # joints damped after a fall or an e-stop, until stood up again
    ESTOP = 'estop'  # joints damped, and left only by recover

    @classmethod
    def _missing_(cls, value: object) -> Mode | None:
        """Take the name that `FOLLOW` had when only legged robots were known."""
        return cls.FOLLOW if value == OLDER_NAME else None


class Need(Enum):
    """What a mode may require of the robot."""

    FRESH_STATE = 'fresh_state'
    UPRIGHT = 'upright'
    STANDING = 'standing'
    FRESH_PLAN = 'fresh_plan'


REMEDY = {
    Need.FRESH_STATE: 'check that the robot publishes',
    Need.UPRIGHT: 'set it upright',
    Need.STANDING: 'wait until it stands',
    Need.FRESH_PLAN: 'activate the planner',
}

STAND_NEEDS = (Need.FRESH_STATE, Need.UPRIGHT)
FOLLOW_NEEDS = (*STAND_NEEDS, Need.STANDING, Need.FRESH_PLAN)

# From, to: what is required. What is not listed is refused; to stay is always allowed.
TRANSITIONS: dict[tuple[Mode, Mode], tuple[Need, ...]] = {
    (Mode.OFF, Mode.STAND): STAND_NEEDS,
    (Mode.OFF, Mode.RECOVER): (),
    (Mode.OFF, Mode.ESTOP): (),
    (Mode.STAND, Mode.OFF): (),
    (Mode.STAND, Mode.FOLLOW): FOLLOW_NEEDS,
    (Mode.STAND, Mode.RECOVER): (),
    (Mode.STAND, Mode.ESTOP): (),
    (Mode.FOLLOW, Mode.OFF): (),
    (Mode.FOLLOW, Mode.STAND): (),
    (Mode.FOLLOW, Mode.ESTOP): (),
    (Mode.RECOVER, Mode.OFF): (),
    (Mode.RECOVER, Mode.STAND): STAND_NEEDS,
    (Mode.RECOVER, Mode.ESTOP): (),
    (Mode.ESTOP, Mode.RECOVER): (),
}

INSTEAD = {
    (Mode.OFF, Mode.FOLLOW): 'stand first',
    (Mode.RECOVER, Mode.FOLLOW): 'stand first',
    (Mode.FOLLOW, Mode.RECOVER): 'stand or off first',
    (Mode.ESTOP, Mode.OFF): 'recover first',
    (Mode.ESTOP, Mode.STAND): 'recover first',
    (Mode.ESTOP, Mode.FOLLOW): 'recover first',
}


def request(mode: Mode, wanted: Mode, unmet: Mapping[Need, str], fall: str = '') -> Mode:
    """Return the mode that a request leads to.

    Args:
        mode: The present one.
        wanted: What is asked for.
        unmet: What the robot lacks now, and what was found instead.
        fall: What ended the last work, if a fall did.

    Raises:
        ModeRefused: It is not allowed from here, or the robot is not ready for it.
    """
    if wanted is mode:
        return mode
    is_listed = (mode, wanted) in TRANSITIONS
    otherwise = STAND_NEEDS if wanted is Mode.FOLLOW else ()
    needs = TRANSITIONS.get((mode, wanted), otherwise)
    reasons = [f'{unmet[need]}; {REMEDY[need]}' for need in needs if need in unmet][:1]
    if not is_listed:
        if mode is Mode.RECOVER and fall and not reasons:
            reasons = [fall]
        reasons.append(INSTEAD[mode, wanted])
    if reasons:
        raise ModeRefused(f'{wanted.value} is refused from {mode.value}: {"; ".join(reasons)}')
    return wanted


def parse_mode(name: str) -> Mode:
    """Return the mode of that name.

    Raises:
        ModeRefused: There is none.
    """
    try:
        return Mode(name.strip().lower())
    except ValueError:
        names = [mode.value for mode in Mode]
        raise ModeRefused(unknown_name('mode', name, names)) from None
