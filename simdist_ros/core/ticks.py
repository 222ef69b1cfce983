"""Number control ticks by the stamps of the states that open them."""

from __future__ import annotations

import math

__all__ = ['TickCounter']

JITTER = 0.2  # of a period, by which a stamp may come before the tick it belongs to


class TickCounter:
    """Counts from state to state, so that neither phase nor jitter nor drift of a clock matters.

    A grid laid over the stamps would not do: a robot whose stamps fall half-way between two of
    its lines would seem to skip one tick and to double the next.
    """

    def __init__(self, period_ns: int) -> None:
        """Count ticks of `period_ns`."""
        self.period_ns = period_ns
        self.step: int | None = None  # of the newest state
        self.stamp_ns = 0

    def reset(self) -> None:
        """Forget where the counting stands."""
        self.step = None

    def shift(self, by_ns: int) -> None:
        """Count on with a clock that is ahead of the one before by `by_ns`."""
        self.stamp_ns += by_ns

    def count(self, stamp_ns: int) -> int:
        """Return the number of the tick that a state opens, and count on from it."""
        if self.step is None:
            self.step = round(stamp_ns / self.period_ns)
        else:
            self.step += round((stamp_ns - self.stamp_ns) / self.period_ns)
        self.stamp_ns = stamp_ns
        return self.step

    def step_of(self, stamp_ns: int) -> int:
        """Return the number of the tick that a stamp falls into."""
        if self.step is None:
            return round(stamp_ns / self.period_ns)
        return self.step + math.floor((stamp_ns - self.stamp_ns) / self.period_ns + JITTER)
