"""One robot state out of the topics that carry its parts, joined by their stamps."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.core.observation import RobotState

__all__ = ['PARTS', 'StateAssembler']

Array = NDArray[np.floating[Any]]

PARTS = ('joints', 'imu', 'odom', 'height_map')


class StateAssembler:
    """Joins the newest parts into a state as soon as all of them belong to its stamp.

    The joints' stamp is the state's; another part belongs to it when its stamp is no further away
    than its tolerance. States come at most once per `period_ns`, however fast the topics are.
    """

    def __init__(
        self, parts: Collection[str], period_ns: int, tolerance_ns: Mapping[str, int]
    ) -> None:
        """Wait for these `PARTS`; what is left out stays zero, or None for the height map."""
        self.wanted = tuple(parts)
        self.period_ns = period_ns
        self.tolerance_ns = tolerance_ns
        self.newest: dict[str, tuple[int, tuple[Array, ...]]] = {}
        self.last_stamp_ns: int | None = None

    def add(self, part: str, stamp_ns: int, *values: Array) -> RobotState | None:
        """Take in one part, and return the state that it completes, if it does.

        Args:
            part: One of `PARTS`.
            stamp_ns: Its stamp [ns].
            values: joints: positions, velocities; imu: orientation, angular velocity;
                odom: linear velocity; height_map: heights.
        """
        self.newest[part] = (stamp_ns, values)
        if any(wanted not in self.newest for wanted in self.wanted):
            return None
        stamp = self.newest['joints'][0]
        if not self.is_due(stamp):
            return None
        if any(abs(self.newest[w][0] - stamp) > self.tolerance_ns[w] for w in self.wanted):
            return None
        self.last_stamp_ns = stamp
        return self.state(stamp)

    def is_due(self, stamp_ns: int) -> bool:
        """Tell whether a state of this stamp would open a new period, or a new clock."""
        last = self.last_stamp_ns
        if last is None or stamp_ns < last - self.period_ns:
            return True
        return stamp_ns > last and round(stamp_ns / self.period_ns) > round(last / self.period_ns)

    def state(self, stamp_ns: int) -> RobotState:
        """Build the state from the newest parts."""
        joint_pos, joint_vel = self.newest['joints'][1]
        orientation, angular = self.part('imu', np.array([1.0, 0.0, 0.0, 0.0]), np.zeros(3))
        (linear,) = self.part('odom', np.zeros(3))
        heights = self.newest['height_map'][1][0] if 'height_map' in self.wanted else None
        return RobotState(
            stamp_ns=stamp_ns,
            joint_pos=joint_pos,
            joint_vel=joint_vel,
            orientation=orientation,
            angular_velocity=angular,
            linear_velocity=linear,
            height_map=heights,
        )

    def part(self, name: str, *missing: Array) -> tuple[Array, ...]:
        """Return a part's values, or what stands for them where it isn't wanted."""
        return self.newest[name][1] if name in self.wanted else missing
