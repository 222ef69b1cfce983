"""Whether the stamps of one sensor's messages go on from one to the next."""

from __future__ import annotations

from enum import Enum

from simdist_ros.embodiment.plausibility import Implausible

__all__ = ['Order', 'StampCheck']

WHAT = 'stamp of the state'
RESTART_NS = 1_000_000_000  # a clock set back by this much has begun anew
MAX_GAP = 5.5  # periods without a state that a stamp may leave out


class Order(Enum):
    """What a stamp is to the ones before it."""

    GOES_ON = 'goes on'
    DOUBTED = 'doubted'  # repeated, late or far off; not to be used
    STEPPED = 'stepped'  # the second one of another clock, or after a gap


class StampCheck:
    """Doubts a stamp that does not go on until the next one bears it out.

    One message that is late, or has a wrong stamp, then costs itself and nothing else, while a
    clock that was set, by little or much, is followed from its second message on.

    Attributes:
        newest_ns: Newest stamp that is believed [ns]; None before the first.
        interval_ns: Between the last two of them, at most a period [ns].
        num_doubted: Stamps doubted since.
        jump_ns: What the last step added to the stamps; negative where a clock was set back [ns].
        finding: What is wrong with the last stamp, or None.
    """

    def __init__(self, period_ns: int) -> None:
        """Begin without a stamp; `period_ns` is the time between two control ticks."""
        self._period_ns = period_ns
        self._most_ns = round(MAX_GAP * period_ns)
        self.reset()

    def reset(self) -> None:
        """Forget all stamps."""
        self.newest_ns: int | None = None
        self.interval_ns = self._period_ns
        self.num_doubted = 0
        self.jump_ns = 0
        self.finding: Implausible | None = None
        self._doubted_ns: int | None = None

    @property
    def lag_ns(self) -> int:
        """About how long ago the newest stamp was when the last one came [ns]."""
        return self.num_doubted * self.interval_ns

    @property
    def was_set_back(self) -> bool:
        """Whether the last step was back, by so little that what is known can go on."""
        return -RESTART_NS < self.jump_ns < 0

    @property
    def began_anew(self) -> bool:
        """Whether the last step was back by so much that nothing of before holds."""
        return self.jump_ns <= -RESTART_NS

    @property
    def was_left_out(self) -> bool:
        """Whether the last step left out so much that what was told before holds no more."""
        return self.jump_ns >= RESTART_NS

    def take(self, stamp_ns: int) -> Order:
        """Return what a stamp is to the ones before it."""
        newest, doubted = self.newest_ns, self._doubted_ns
        if newest is None:
            return self._believe(stamp_ns, Order.GOES_ON)
        if 0 < stamp_ns - newest <= self._most_ns:
            self.interval_ns = min(self._period_ns, stamp_ns - newest)
            return self._believe(stamp_ns, Order.GOES_ON)
        if doubted is not None and 0 < stamp_ns - doubted <= self._most_ns:
            self.jump_ns = doubted - newest - self.interval_ns
            return self._believe(stamp_ns, Order.STEPPED)
        self._doubted_ns = None if stamp_ns == newest else stamp_ns
        self.num_doubted += 1
        self.finding = Implausible(WHAT, describe(stamp_ns - newest))
        return Order.DOUBTED

    def _believe(self, stamp_ns: int, order: Order) -> Order:
        """Go on from a stamp."""
        self.newest_ns, self._doubted_ns = stamp_ns, None
        self.num_doubted, self.finding = 0, None
        return order


def describe(since_ns: int) -> str:
    """Say how a stamp lies to the newest one."""
    if since_ns == 0:
        return 'came before'
    return f'{1e-9 * abs(since_ns):.3g} s {"after" if since_ns > 0 else "before"} the last one'
