"""Where the time goes: wall time by section."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any


class Stopwatch:
    """Each moment counts for one section: the innermost that is open."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.open: list[str] = []
        self.since = time.perf_counter()

    def note(self) -> None:
        """Give the time since the last change to the section that is open."""
        now = time.perf_counter()
        if self.open:
            name = self.open[-1]
            self.seconds[name] = self.seconds.get(name, 0.0) + now - self.since
        self.since = now

    def restart(self) -> None:
        """Forget what was measured; what is open stays open."""
        self.note()
        self.seconds.clear()

    @contextmanager
    def section(self, name: str) -> Iterator[None]:
        """Count what is done inside for a section."""
        self.note()
        self.open.append(name)
        try:
            yield
        finally:
            self.note()
            self.open.pop()

    def watch(self, owner: Any, name: str, section: str) -> None:
        """Count every call of a function, a method of one object say, for a section."""
        real: Callable[..., Any] = getattr(owner, name)

        def timed(*args: Any, **options: Any) -> Any:
            with self.section(section):
                return real(*args, **options)

        setattr(owner, name, timed)

    def each(self, items: Iterable[Any], section: str) -> Iterator[Any]:
        """Yield items; what it takes to get the next one counts for a section."""
        iterator = iter(items)
        end = object()
        while True:
            with self.section(section):
                item = next(iterator, end)
            if item is end:
                return
            yield item

    def total(self) -> float:
        """Return all seconds that were counted."""
        return sum(self.seconds.values())

    def shares(self) -> dict[str, float]:
        """Return each section's share, the largest first."""
        total = self.total()
        ordered = sorted(self.seconds.items(), key=lambda entry: -entry[1])
        return {name: round(seconds / total, 3) for name, seconds in ordered}
