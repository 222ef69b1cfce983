"""The time that a plan may take."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ['Budget']


class Budget:
    """Tells whether another iteration would still end in time, by the longest one so far."""

    def __init__(self, budget_ms: float, began: float, clock: Callable[[], float]) -> None:
        """Count `budget_ms` from `began`; 0 is no limit."""
        self.end = began + 1e-3 * budget_ms if budget_ms else float('inf')
        self.clock = clock
        self.longest = 0.0
        self.last: float | None = None

    def begin_iterations(self) -> None:
        """Leave out what came before from the time that an iteration is expected to take."""
        self.last = self.clock()

    def allows_another(self) -> bool:
        """Return whether the longest iteration so far would end within the budget."""
        now = self.clock()
        if self.last is not None:
            self.longest = max(self.longest, now - self.last)
        self.last = now
        return now + self.longest < self.end
