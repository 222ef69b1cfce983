"""Python's garbage collection between two ticks instead of in the middle of one."""

from __future__ import annotations

import gc

__all__ = ['IdleCollection']

FULL_EVERY = 50  # collections, a second at 50 Hz


class IdleCollection:
    """Collects when it is told that there is time; one for a process.

    What is there when it begins is never looked at again: with PyTorch loaded, a full collection
    takes many milliseconds, nearly all of them for objects that live as long as the process.
    """

    def __init__(self) -> None:
        """Leave collection to Python until `begin`."""
        self.count = 0

    def begin(self) -> None:
        """Collect once, then only in `collect`; again after much was loaded."""
        gc.collect()
        gc.freeze()
        gc.disable()

    def collect(self) -> None:
        """Collect what is young, now and then everything since `begin`; call it after a tick."""
        self.count += 1
        gc.collect(2 if self.count % FULL_EVERY == 0 else 0)

    def end(self) -> None:
        """Leave collection to Python again."""
        gc.unfreeze()
        gc.enable()
