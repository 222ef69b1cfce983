"""Say what goes wrong at every tick only every now and then, and how often it did."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

__all__ = ['Throttle', 'ThrottledLog']

PERIOD_S = 10.0


@dataclass
class Said:
    """When a subject was spoken of last, and how often it was kept back since."""

    at: float = -math.inf
    kept_back: int = 0


class Throttle:
    """Lets a sentence on each subject through once a period, with the count of those before.

    rclpy's own throttle counts by the line of code that logs, so that there one complaint hides
    every other one; here each subject counts by itself.
    """

    def __init__(
        self, period_s: float = PERIOD_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Let each subject through once in `period_s` [s]."""
        self.period_s, self.clock = period_s, clock
        self.said: dict[str, Said] = {}

    def take(self, subject: str, sentence: str) -> str:
        """Return what to say now, or an empty text while the subject is kept back."""
        now = self.clock()
        said = self.said.setdefault(subject, Said())
        since_s = now - said.at
        if since_s < self.period_s:
            said.kept_back += 1
            return ''
        count, said.at, said.kept_back = said.kept_back + 1, now, 0
        return (
            sentence if count == 1 else f'{sentence} ({count} times in the last {since_s:.0f} s)'
        )


class Logger(Protocol):
    """What is used of rclpy's."""

    def info(self, message: str) -> object:
        """Log what is as it should be."""

    def warning(self, message: str) -> object:
        """Log what should not be."""

    def error(self, message: str) -> object:
        """Log what must not be."""


class ThrottledLog:
    """A node's log, in which no subject can hide the others."""

    def __init__(self, logger: Logger, throttle: Throttle | None = None) -> None:
        """Log through a node's logger."""
        self.logger, self.throttle = logger, throttle or Throttle()

    def info(self, subject: str, sentence: str) -> None:
        """Log an information on a subject, unless there was one just now."""
        if text := self.throttle.take(subject, sentence):
            self.logger.info(text)

    def warning(self, subject: str, sentence: str) -> None:
        """Log a warning on a subject, unless there was one just now."""
        if text := self.throttle.take(subject, sentence):
            self.logger.warning(text)

    def error(self, subject: str, sentence: str) -> None:
        """Log an error on a subject, unless there was one just now."""
        if text := self.throttle.take(subject, sentence):
            self.logger.error(text)
