"""One robot state out of the topics that carry its parts, joined by their stamps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.embodiment.observation import RobotState
from simdist_ros.embodiment.sensors import SENSORS

__all__ = ['StateAssembler', 'apart']

Array = NDArray[np.floating[Any]]

ONCE_A_PERIOD = 0.6  # of a period; joints further apart than this are not thinned


class StateAssembler:
    """Joins the newest parts into a state as soon as all of them belong to its stamp.

    The joints' stamp is the state's; another part belongs to it when its stamp is no further away
    than its tolerance. States come at most once per `period_ns`, however fast the topics are.
    """

    def __init__(
        self, parts: Collection[str], period_ns: int, tolerance_ns: Mapping[str, int]
    ) -> None:
        """Wait for these of `SENSORS`; what is left out is not known."""
        self.wanted = tuple(parts)
        self.period_ns = period_ns
        self.tolerance_ns = tolerance_ns
        self.newest: dict[str, tuple[int, tuple[Array, ...]]] = {}
        self.last_stamp_ns: int | None = None
        self.next_due_ns = 0
        self.since_previous_ns = 0  # between the stamps of the last two joints
        self._awaited: dict[str, int | None] = {}  # parts that the newest joints lack, and how far
        self.unjoined: Counter[str] = Counter()  # by part, joints that it kept from being a state
        self.offset_ns: dict[str, int] = {}  # from the joints' stamp to that part's

    def add(self, part: str, stamp_ns: int, *values: Array) -> RobotState | None:
        """Take in one part, and return the state that it completes, if it does.

        Args:
            part: One of `SENSORS`.
            stamp_ns: Its stamp [ns].
            values: What it `measures`.
        """
        if part == 'joints':
            before = self.newest[part][0] if part in self.newest else stamp_ns
            if stamp_ns != before:
                self.since_previous_ns = stamp_ns - before
                self._begin_joints(stamp_ns)
        elif self._awaited and self._joins(part, stamp_ns):
            self._awaited.pop(part, None)
        self.newest[part] = (stamp_ns, values)
        if any(wanted not in self.newest for wanted in self.wanted):
            return None
        stamp = self.newest['joints'][0]
        if not self.is_due(stamp, self.since_previous_ns):
            return None
        if not all(self._joins(wanted, self.newest[wanted][0]) for wanted in self.wanted):
            return None
        self.last_stamp_ns = stamp
        on_time = 0 <= stamp - self.next_due_ns < self.period_ns
        self.next_due_ns = (self.next_due_ns if on_time else stamp) + self.period_ns
        return self.state(stamp)

    def _joins(self, part: str, stamp_ns: int) -> bool:
        """Tell whether a part of this stamp belongs to the newest joints."""
        return abs(stamp_ns - self.newest['joints'][0]) <= self.tolerance_ns[part]

    def _begin_joints(self, stamp_ns: int) -> None:
        """Count the parts that kept the joints before from being a state; await those of these."""
        for part, offset_ns in self._awaited.items():
            self.unjoined[part] += 1
            if offset_ns is not None:
                self.offset_ns[part] = offset_ns
        self._awaited = {}
        if not self.is_due(stamp_ns, self.since_previous_ns):
            return
        for part in self.wanted:
            offset = self.newest[part][0] - stamp_ns if part in self.newest else None
            if part != 'joints' and (offset is None or abs(offset) > self.tolerance_ns[part]):
                self._awaited[part] = offset

    def why_unjoined(self) -> str:
        """Say which part most often kept joints from being a state; empty if none did."""
        if not self.unjoined:
            return ''
        part = max(self.unjoined, key=self.unjoined.__getitem__)
        name, joints = SENSORS[part].topic, SENSORS['joints'].topic
        offset_ns = self.offset_ns.get(part)
        if offset_ns is None:
            return f'{name} has no usable message'
        stamped = f'{name} is stamped {apart(1e-9 * offset_ns)} {joints}'
        if part in self.newest and self.newest[part][0] == 0:
            return f'{stamped}, at 0 s: its publisher sets no stamp'
        return f'{stamped}, at most {1e-9 * self.tolerance_ns[part]:g} s are allowed'

    def is_due(self, stamp_ns: int, since_previous_ns: int) -> bool:
        """Tell whether a state of this stamp opens a new period.

        Where states come about once a period, each does, whatever the jitter of their stamps;
        faster ones are thinned to one a period. A clock that jumps back starts anew.

        Args:
            stamp_ns: Stamp of the newest joints [ns].
            since_previous_ns: From the joints before to them [ns].
        """
        last = self.last_stamp_ns
        if last is None or stamp_ns < last - self.period_ns:
            return True
        if stamp_ns <= last:
            return False
        return since_previous_ns > ONCE_A_PERIOD * self.period_ns or stamp_ns >= self.next_due_ns

    def state(self, stamp_ns: int) -> RobotState:
        """Build the state from the newest parts."""
        measured = {
            field: value
            for part in self.wanted
            for field, value in zip(SENSORS[part].measures, self.newest[part][1], strict=True)
        }
        return RobotState(stamp_ns=stamp_ns, **measured)


def apart(offset_s: float) -> str:
    """Say how far one stamp is from another [s]."""
    return f'{abs(offset_s):.3g} s {"before" if offset_s < 0.0 else "after"}'
