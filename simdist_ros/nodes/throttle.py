"""Say what goes wrong at every tick only every now and then."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

__all__ = ['Throttle']


class Throttle:
    """Tells whether a subject may be spoken of again.

    rclpy's own throttle counts by the line of code that logs, so that there one complaint hides
    every other one; here each subject counts by itself.
    """

    def __init__(self, period_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Let each subject through once in `period_s` [s]."""
        self.period_s = period_s
        self.clock = clock
        self.silent_until: dict[str, float] = {}

    def allows(self, subject: str) -> bool:
        """Return whether to speak now; if so, the subject is silent for a period."""
        now = self.clock()
        if now < self.silent_until.get(subject, -math.inf):
            return False
        self.silent_until[subject] = now + self.period_s
        return True
