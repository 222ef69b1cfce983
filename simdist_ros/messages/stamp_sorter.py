"""Put messages of several topics into the order of their stamps."""

from __future__ import annotations

import heapq
import itertools
from typing import Any, NamedTuple

__all__ = ['StampSorter', 'Stamped']


class Stamped(NamedTuple):
    """One message's values in line.

    Attributes:
        stamp_ns: What it is ordered by [ns].
        rank: Which of two with the same stamp goes first, the lower one.
        number: Order of arrival, the last thing to decide by.
        kind: What it is.
        values: What it says.
    """

    stamp_ns: int
    rank: int
    number: int
    kind: str
    values: tuple[Any, ...]


class StampSorter:
    """Holds messages back until no earlier one is to be expected.

    What comes out depends on the stamps alone, not on how the transport mixed the topics, so that
    a bag and the robot it was recorded from give the same.
    """

    def __init__(self, window_ns: int) -> None:
        """Wait for messages that are at most `window_ns` behind the newest [ns]."""
        self.window_ns = window_ns
        self.newest_ns: int | None = None
        self._waiting: list[Stamped] = []
        self._number = itertools.count()

    def put(self, stamp_ns: int, rank: int, kind: str, *values: Any) -> list[Stamped] | None:
        """Take a message; return those that are due, in order, or None if it comes too late."""
        newest = stamp_ns if self.newest_ns is None else max(self.newest_ns, stamp_ns)
        if stamp_ns < newest - self.window_ns:
            return None
        self.newest_ns = newest
        heapq.heappush(self._waiting, Stamped(stamp_ns, rank, next(self._number), kind, values))
        return self._take(newest - self.window_ns)

    def flush(self) -> list[Stamped]:
        """Return all that still waits, in order, and forget the time."""
        due = self._take(None)
        self.newest_ns = None
        return due

    def _take(self, until_ns: int | None) -> list[Stamped]:
        """Return what is older than a time, or everything."""
        due = []
        while self._waiting and (until_ns is None or self._waiting[0].stamp_ns < until_ns):
            due.append(heapq.heappop(self._waiting))
        return due
