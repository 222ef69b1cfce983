"""Joint targets within what the joints can and may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.core.errors import ConfigError, SimdistError
from simdist_ros.embodiment.robot import Robot
from simdist_ros.safety.settings import SafetySettings

__all__ = ['JointLimits', 'LimitedTarget', 'NotFiniteError']

Array = NDArray[np.floating[Any]]

TOLERANCE = 1e-9  # rad; a smaller change is rounding, not a limit that acted


class NotFiniteError(SimdistError):
    """A number that must not reach a clamp, because a NaN would pass it."""


@dataclass(frozen=True)
class LimitedTarget:
    """A joint target that keeps every limit.

    Attributes:
        position: Joint targets, (num_joints,) [rad].
        limited: Which limits acted: ``rate``, ``torque``, ``position``.
    """

    position: Array
    limited: tuple[str, ...]


class JointLimits:
    """The limits of one robot's joints, computed once and applied at every tick.

    Each is an interval of targets, and they are applied one after the other: rate, torque,
    position. That breaks none that can be kept: from a value inside one interval to the nearest
    one inside another nothing lies outside the first, if the two have a value in common. Where
    they have none, the later one wins, by as little as it needs: torque goes before rate (the
    joint was pushed away from its target; what keeps the rate would jerk it back), and position
    before both. So a target outruns its rate only where the joint's own motion asks for it.
    """

    def __init__(self, robot: Robot, settings: SafetySettings) -> None:
        """Compute the limits.

        Raises:
            ConfigError: The margin leaves a joint no range, or a joint has no position gain.
        """
        self._names = robot.joint_names
        self._low = robot.per_joint('low') + settings.position_margin_rad
        self._high = robot.per_joint('high') - settings.position_margin_rad
        self._rate = robot.per_joint('max_rate') * settings.max_rate_scale
        for joint, is_range in zip(robot.joints, self._low <= self._high, strict=True):
            if not is_range:
                raise ConfigError(
                    f'position_margin_rad {settings.position_margin_rad} leaves joint '
                    f'{joint.name!r} no range between {joint.low} and {joint.high} rad'
                )
        stiffness = robot.per_joint('kp')
        self._reach = robot.per_joint('max_torque') * settings.torque_scale / stiffness  # rad
        self._lead = robot.per_joint('kd') / stiffness  # s

    def limit(
        self,
        target: Array,
        previous_target: Array,
        joint_pos: Array,
        joint_vel: Array,
        period_s: float,
    ) -> LimitedTarget:
        """Move a target, as little as possible, to where every limit holds.

        The torque meant is the one the joint's PD law asks for at this instant,
        kp (target - joint_pos) - kd joint_vel.

        Args:
            target: Wanted joint targets, (num_joints,) [rad].
            previous_target: What was sent last, (num_joints,) [rad].
            joint_pos: Measured, (num_joints,) [rad].
            joint_vel: Measured, (num_joints,) [rad/s].
            period_s: Time since `previous_target` [s], >= 0.

        Raises:
            NotFiniteError: Something given is NaN or infinite.
        """
        self._check_finite(target, previous_target, joint_pos, joint_vel, period_s)
        step = self._rate * period_s
        slow = between(target, previous_target - step, previous_target + step)
        rest = joint_pos + self._lead * joint_vel  # target at which the torque is 0
        weak = between(slow, rest - self._reach, rest + self._reach)
        inside = between(weak, self._low, self._high)
        limited = tuple(
            name
            for name, before, after in (
                ('rate', target, slow),
                ('torque', slow, weak),
                ('position', weak, inside),
            )
            if np.abs(after - before).max() > TOLERANCE
        )
        return LimitedTarget(inside, limited)

    def _check_finite(self, target: Array, *others: Any) -> None:
        """Refuse what a clamp would let pass."""
        finite = np.isfinite(target)
        if not finite.all():
            bad = [name for name, ok in zip(self._names, finite, strict=True) if not ok]
            raise NotFiniteError(f'joint target of {", ".join(bad)} is not finite; send a number')
        if not all(np.isfinite(other).all() for other in others):
            raise NotFiniteError(
                'state or last joint target is not finite; nothing can be limited'
            )


def between(value: Array, low: Array, high: Array) -> Array:
    """Clamp; `low` wins where it exceeds `high`."""
    clamped: Array = np.maximum(np.minimum(value, high), low)
    return clamped
