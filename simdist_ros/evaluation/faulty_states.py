"""Faults of what a robot's software sees, drawn at random: readings, stamps, gaps, order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from simdist_ros.embodiment.observation import RobotState
from simdist_ros.embodiment.robot import Robot
from simdist_ros.embodiment.sensors import SENSORS, sensors_of

__all__ = ['KINDS', 'FaultyStates', 'kinds_for']

SECOND_NS = 1_000_000_000
Rng = np.random.Generator
Change = Callable[[RobotState, Rng], RobotState]


def with_element(state: RobotState, name: str, rng: Rng, value: float) -> RobotState:
    """Return a state in which one number of a reading is `value`."""
    values = np.array(getattr(state, name), dtype=float)
    values[rng.integers(values.size)] = value
    changed: dict[str, Any] = {name: values}
    return replace(state, **changed)


def far(rng: Rng, low: float, high: float) -> float:
    """Draw a size between two bounds, all orders of magnitude alike, of either sign."""
    return float(rng.choice([-1.0, 1.0]) * np.exp(rng.uniform(np.log(low), np.log(high))))


READINGS: dict[str, tuple[str, Change]] = {  # kind: the field of a state, and how it is changed
    'joint velocity': (
        'joint_vel',
        lambda s, rng: with_element(s, 'joint_vel', rng, far(rng, 60.0, 1e5)),
    ),
    'joint position': (
        'joint_pos',
        lambda s, rng: with_element(s, 'joint_pos', rng, far(rng, 6.0, 1e5)),
    ),
    'angular velocity': (
        'angular_velocity',
        lambda s, rng: with_element(s, 'angular_velocity', rng, far(rng, 40.0, 1e5)),
    ),
    'linear velocity': (
        'linear_velocity',
        lambda s, rng: with_element(s, 'linear_velocity', rng, far(rng, 15.0, 1e5)),
    ),
    'orientation': (
        'orientation',
        lambda s, rng: replace(s, orientation=s.orientation * abs(far(rng, 2.0, 1e3))),
    ),
    'not a number': (
        'joint_pos',
        lambda s, rng: with_element(s, 'joint_pos', rng, float('nan')),
    ),
}
STAMPS: dict[str, Callable[[Rng], tuple[float, bool]]] = {
    'clock set back': lambda rng: (-rng.uniform(0.12, 0.95), True),
    'clock set ahead': lambda rng: (rng.uniform(0.12, 5.0), True),
    'one stamp back': lambda rng: (-rng.uniform(0.12, 5.0), False),
    'one stamp ahead': lambda rng: (rng.uniform(0.12, 5.0), False),
}
ORDER = ('states lost', 'state repeated', 'states swapped')
KINDS = (*READINGS, *STAMPS, *ORDER)


def kinds_for(robot: Robot) -> tuple[str, ...]:
    """Return the faults that a robot's sensors can have, in the order of `KINDS`."""
    measured = {name for sensor in sensors_of(robot) for name in SENSORS[sensor].measures}
    lacking = {kind for kind, (name, _) in READINGS.items() if name not in measured}
    return tuple(kind for kind in KINDS if kind not in lacking)


class FaultyStates:
    """One fault in the states of a walk, at one tick.

    Attributes:
        kind: One of `kinds_for` the robot.
        at: Tick at which it comes.
    """

    def __init__(self, kind: str, at: int, rng: Rng) -> None:
        """Draw the fault."""
        self.kind, self.at, self._rng = kind, at, rng
        self._length = int(rng.integers(1, 5)) if kind == 'states lost' else 1
        shift_s, self._lasts = STAMPS[kind](rng) if kind in STAMPS else (0.0, False)
        self._shift_ns = round(SECOND_NS * float(shift_s))
        self._before: RobotState | None = None

    def seen(self, tick: int, state: RobotState) -> RobotState | None:
        """Return what the software sees of a tick's state; None where nothing comes."""
        state = replace(state, stamp_ns=state.stamp_ns + 10 * SECOND_NS)  # room to go back
        before, self._before = self._before, state
        since = tick - self.at
        if self.kind in STAMPS and (since == 0 or (self._lasts and since > 0)):
            return replace(state, stamp_ns=state.stamp_ns + self._shift_ns)
        if self.kind == 'states swapped' and since in (0, 1):
            return None if since == 0 else before
        if not 0 <= since < self._length:
            return state
        if self.kind in READINGS:
            _, change = READINGS[self.kind]
            return change(state, self._rng)
        return before if self.kind == 'state repeated' else None
