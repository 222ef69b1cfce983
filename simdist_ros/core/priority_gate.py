"""Background work that pauses while urgent work runs in the same process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ['GiveWay', 'PriorityGate', 'no_wait']

GiveWay = Callable[[], None]  # called between two pieces of work


def no_wait() -> None:
    """Return at once: no work is urgent."""


class PriorityGate:
    """Lets a thread with deadlines go before one without, in one process.

    Threads of Python share one lock, and a plan takes twice as long while another thread
    computes. So the other one works in pieces of a few milliseconds, and begins none of them
    while a plan is made.
    """

    def __init__(self, patience_s: float = 0.1) -> None:
        """Begin with nothing urgent.

        Args:
            patience_s: Longest that a piece of work waits, so that it is done in the end.
        """
        self.patience_s = patience_s
        self.is_free = threading.Event()
        self.is_free.set()

    @contextmanager
    def urgent(self) -> Iterator[None]:
        """Let no other piece of work begin meanwhile."""
        self.is_free.clear()
        try:
            yield
        finally:
            self.is_free.set()

    def wait(self) -> None:
        """Wait until nothing urgent is done, within patience."""
        self.is_free.wait(self.patience_s)
