"""What physics excludes: finite or not, a reading that no such robot can give is not used.

The one definition for supervisor, planner, live learning and bags. A bound has to refuse what is
broken (a flipped bit, a dropped byte, degrees for radians, millimetres for metres) and must never
refuse a true hard fall. Largest readings of a simulated Go2 in all shipped worlds, with falls,
pushes of 3 m/s and drops from 1.5 m while it tumbles, and the bounds:

=============================  ===========  ==========================================
reading                        largest      bound
=============================  ===========  ==========================================
joint velocity                 31.8 rad/s   45.2, `VELOCITY_MARGIN` times the data sheet
joint position past its limit  0.18 rad     0.5, `POSITION_MARGIN_RAD`
joint position, in one tick    0.71 rad     1.0, by the velocity bound and `STEP_SLACK_RAD`
angular velocity, per axis     24.9 rad/s   34.9, the range of usual gyroscopes
orientation, in one tick       0.47 rad     1.0, by the bound above and `TURN_SLACK_RAD`
linear velocity, per axis      5.5 m/s      10, `Robot.max_base_speed_mps`
height-map cell                1.9 m        20, `MAX_HEIGHT_M`
=============================  ===========  ==========================================

Only what is read is checked: an effort or an acceleration of NaN, as many drivers send, does no
harm.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.embodiment.observation import RobotState
from simdist_ros.embodiment.robot import Robot
from simdist_ros.embodiment.sensors import SENSORS, sensors_of

__all__ = ['Implausible', 'Plausibility', 'StateCheck', 'describe']

Array = NDArray[np.floating[Any]]

VELOCITY_MARGIN = 1.5
POSITION_MARGIN_RAD = 0.5
MAX_ANGULAR_VELOCITY = 34.9  # rad/s; 2000 deg/s
MAX_POSITION_M = 1e8  # farther than any grid of the Earth reaches
NORM_TOLERANCE = 0.1  # of a quaternion; farther from 1, it is no orientation
MAX_HEIGHT_M = 20.0
RANGE_MARGIN = 1.001  # messages hold 32-bit floats
MAX_UNKNOWN_CELLS = 0.5  # share of the height map
STEP_SLACK_RAD = 0.1
TURN_SLACK_RAD = 0.3
MOST_SAID = 3  # findings in one sentence
AXES = ('x', 'y', 'z')
WRENCH_AXES = ('fx', 'fy', 'fz', 'tx', 'ty', 'tz')
WRENCH_MARGIN = 5.0  # times what an arm stops at; a sensor that says more is broken or saturated


@dataclass(frozen=True)
class Implausible:
    """One reading that cannot be true.

    Attributes:
        what: Sensor, quantity and joint or axis, e.g. ``joint_states: velocity of FL_hip_joint``;
            what it is counted by.
        finding: The value and the rule that it breaks, e.g. ``200.0 rad/s beyond 45.2``.
    """

    what: str
    finding: str

    def __str__(self) -> str:
        """Say both."""
        return f'{self.what} {self.finding}'


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """Some numbers of one sensor, and between which bounds each can be.

    Attributes:
        name: Sensor and quantity.
        elements: Joint or axis of each number, (n,).
        low: Smallest possible values, (n,).
        high: Largest possible values, (n,).
        unit: Of all of them.
    """

    name: str
    elements: tuple[str, ...]
    low: Array
    high: Array
    unit: str

    def fits(self, values: Array) -> NDArray[np.bool_]:
        """Tell which numbers are possible, (..., n); a NaN is not."""
        possible: NDArray[np.bool_] = (values >= self.low) & (values <= self.high)
        return possible

    def findings(self, values: Array) -> list[Implausible]:
        """Return what is wrong with the numbers of one reading, (n,)."""
        return [
            Implausible(f'{self.name} of {self.elements[i]}', self.finding(float(values[i]), i))
            for i in np.flatnonzero(~self.fits(values)).tolist()
        ]

    def finding(self, value: float, index: int) -> str:
        """Say which rule a number breaks."""
        if not np.isfinite(value):
            return 'not finite'
        bound = self.high[index] if value > self.high[index] else self.low[index]
        return f'{value:.4g} {self.unit} beyond {bound:.3g}'


def symmetric(name: str, elements: tuple[str, ...], bound: Array | float, unit: str) -> Quantity:
    """Return a quantity that may be as large one way as the other."""
    high = np.broadcast_to(np.asarray(bound, dtype=float), (len(elements),))
    return Quantity(name=name, elements=elements, low=-high, high=high, unit=unit)


class Plausibility:
    """The bounds of one robot; each reading by itself, and two of them in succession.

    Attributes:
        quantities: By name of the reading: those of `RobotState`, and ``position`` of odometry,
            (3,) [m]. Another sensor is another entry.
        max_velocity: Of each joint, (num_joints,) [rad/s].
    """

    def __init__(self, robot: Robot) -> None:
        """Compute the bounds from a robot's description."""
        names = robot.joint_names
        fastest = np.maximum(robot.per_joint('max_velocity'), robot.per_joint('max_rate'))
        self.max_velocity = VELOCITY_MARGIN * fastest
        self.joint_names = names
        self.period_s = robot.period_s
        self.has_free_base = robot.has_free_base
        self.quantities = {
            'joint_pos': Quantity(
                name='joint_states: position',
                elements=names,
                low=robot.per_joint('low') - POSITION_MARGIN_RAD,
                high=robot.per_joint('high') + POSITION_MARGIN_RAD,
                unit='rad',
            ),
            'joint_vel': symmetric('joint_states: velocity', names, self.max_velocity, 'rad/s'),
            'angular_velocity': symmetric(
                'imu/data: angular velocity', AXES, MAX_ANGULAR_VELOCITY, 'rad/s'
            ),
            'linear_velocity': symmetric(
                'odom: linear velocity', AXES, robot.max_base_speed_mps, 'm/s'
            ),
            'wrench': symmetric(
                f'{SENSORS["wrench"].topic}: wrench',
                WRENCH_AXES,
                WRENCH_MARGIN
                * np.repeat([robot.tool_limits.max_force_n, robot.tool_limits.max_torque_nm], 3),
                'N or N m',
            ),
            'position': symmetric('odom: position', AXES, MAX_POSITION_M, 'm'),
        }
        if robot.ranges is not None:
            self.quantities['ranges'] = Quantity(
                name=f'{SENSORS["ranges"].topic}: range',
                elements=robot.ranges.sites,
                low=np.zeros(robot.ranges.size),
                high=np.full(robot.ranges.size, RANGE_MARGIN * robot.ranges.max_m),
                unit='m',
            )

    def usable(self, readings: Mapping[str, Array]) -> NDArray[np.bool_]:
        """Tell which of many readings are possible, each by itself.

        Args:
            readings: Any of `quantities`, ``orientation`` w, x, y, z and ``height_map``, each
                (..., n), the leading axes the same for all.

        Returns:
            Whether all numbers of a reading are possible, (...).
        """
        verdicts: list[Any] = []
        for name, values in readings.items():
            if name in AS_A_WHOLE:
                verdicts.append(AS_A_WHOLE[name][0](values))
            else:
                verdicts.append(self.quantities[name].fits(values).all(axis=-1))
        usable: NDArray[np.bool_] = np.logical_and.reduce(verdicts)
        return usable

    def findings(self, readings: Mapping[str, Array]) -> tuple[Implausible, ...]:
        """Return all that is wrong with one reading, named as in `usable`, each (n,)."""
        found: list[Implausible] = []
        for name, values in readings.items():
            if name in AS_A_WHOLE:
                is_possible, why_not = AS_A_WHOLE[name]
                if not is_possible(values):
                    found.append(why_not(values))
            else:
                found += self.quantities[name].findings(values)
        return tuple(found)

    def moved_too_far(self, before: RobotState, state: RobotState) -> tuple[Implausible, ...]:
        """Return what no such robot can do in the time between two states that are usable.

        Sensors that answer faster than the control rate are given a whole period, because stamps
        jitter. Velocities may change at once: a push does that.
        """
        elapsed_s = max(self.period_s, 1e-9 * (state.stamp_ns - before.stamp_ns))
        step = np.abs(state.joint_pos - before.joint_pos)
        most = self.max_velocity * elapsed_s + STEP_SLACK_RAD
        found = [
            Implausible(
                f'joint_states: step of {self.joint_names[i]}',
                f'{step[i]:.3g} rad in {elapsed_s:.3g} s beyond {most[i]:.3g}',
            )
            for i in np.flatnonzero(~(step <= most))
        ]
        if not self.has_free_base:
            return tuple(found)
        turn = angle_between(before.orientation, state.orientation)
        limit = MAX_ANGULAR_VELOCITY * elapsed_s + TURN_SLACK_RAD
        if not turn <= limit:
            rule = f'{turn:.3g} rad in {elapsed_s:.3g} s beyond {limit:.3g}'
            found.append(Implausible('imu/data: turn of the orientation', rule))
        return tuple(found)


class StateCheck:
    """Checks one state after the other of a robot.

    A jump is measured against the newest usable state. What can have happened since grows with
    the time, so that a robot that was really moved is believed after a tenth of a second.
    """

    def __init__(self, robot: Robot, sensors: Collection[str] | None = None) -> None:
        """Begin without a state; check what these sensors say, by default all of the robot's."""
        self._plausibility = Plausibility(robot)
        checked = [name for name in sensors_of(robot) if sensors is None or name in sensors]
        self._readings = [field for name in checked for field in SENSORS[name].measures]
        self._last: RobotState | None = None

    def reset(self) -> None:
        """Forget the last state, as where the clock or the robot begins anew."""
        self._last = None

    def check(self, state: RobotState) -> tuple[Implausible, ...]:
        """Return all that is wrong with the next state; nothing if it can be used."""
        values = {name: getattr(state, name) for name in self._readings}
        readings = {name: array for name, array in values.items() if array is not None}
        found = self._plausibility.findings(readings)
        last = self._last
        if not found and last is not None and state.stamp_ns >= last.stamp_ns:
            found = self._plausibility.moved_too_far(last, state)
        if not found:
            self._last = state
        return found


def is_orientation(quaternions: Array) -> NDArray[np.bool_]:
    """Tell which quaternions, (..., 4), are of about unit length, (...)."""
    with np.errstate(over='ignore'):
        norm = np.linalg.norm(quaternions, axis=-1)
    close: NDArray[np.bool_] = np.abs(norm - 1.0) <= NORM_TOLERANCE
    return close


def is_map(heights: Array) -> NDArray[np.bool_]:
    """Tell which height maps, (..., cells) [m], are possible, (...); NaN is an unknown cell."""
    unknown = np.isnan(heights)
    possible = unknown | (np.abs(heights) <= MAX_HEIGHT_M)
    usable: NDArray[np.bool_] = possible.all(axis=-1) & (
        unknown.mean(axis=-1) <= MAX_UNKNOWN_CELLS
    )
    return usable


def not_an_orientation(quaternion: Array) -> Implausible:
    """Say why a quaternion, (4,), is no orientation."""
    what = 'imu/data: norm of the orientation'
    if not np.isfinite(quaternion).all():
        return Implausible(what, 'not finite')
    return Implausible(what, f'{np.linalg.norm(quaternion):.4g} differs from 1')


def not_a_map(heights: Array) -> Implausible:
    """Say why a height map, (cells,) [m], is not possible."""
    unknown = np.isnan(heights)
    if unknown.mean() > MAX_UNKNOWN_CELLS:
        share = 100.0 * unknown.mean()
        return Implausible('height_map: unknown cells', f'{share:.0f} % beyond 50')
    largest = float(np.max(np.abs(heights[~unknown])))
    return Implausible('height_map: height', f'{largest:.4g} m beyond {MAX_HEIGHT_M:.3g}')


# Readings whose numbers are judged together: whether one is possible, and why it is not.
AS_A_WHOLE: dict[str, tuple[Callable[[Array], Any], Callable[[Array], Implausible]]] = {
    'orientation': (is_orientation, not_an_orientation),
    'height_map': (is_map, not_a_map),
}


def angle_between(first: Array, second: Array) -> float:
    """Return the angle of the rotation from one orientation to another [rad], 0 .. pi.

    Args:
        first: Quaternion of about unit length, (4,).
        second: Another.
    """
    length = np.linalg.norm(first) * np.linalg.norm(second)
    return float(2.0 * np.arccos(min(1.0, abs(float(first @ second)) / length)))


def describe(findings: Sequence[Implausible]) -> str:
    """Say the first findings, and how many more there are."""
    said = '; '.join(str(finding) for finding in findings[:MOST_SAID])
    more = len(findings) - MOST_SAID
    return f'{said}; and {more} more' if more > 0 else said
