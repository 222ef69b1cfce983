"""How many processor cores are idle at this moment, and how many threads suit them."""

from __future__ import annotations

import os
import time
from pathlib import Path

__all__ = ['free_cores', 'threads_for']

STAT = Path('/proc/stat')
SAMPLE_S = 0.5


def free_cores(sample_s: float = SAMPLE_S, stat: Path = STAT) -> int:
    """Measure for a moment how many of the cores allowed to this process are idle; at least 1.

    Low-priority processes count as busy: threads that wait for each other are slowed by them too.

    Args:
        sample_s: How long to measure [s].
        stat: The system's counters, one line a core.
    """
    cores = os.sched_getaffinity(0)
    before = idle_ticks(stat)
    time.sleep(sample_s)
    after = idle_ticks(stat)
    seen = before.keys() & after.keys() & cores
    if not seen:  # not Linux, or hidden
        idle = len(cores) - os.getloadavg()[0]
    else:
        idle = sum(idle_share(before[core], after[core]) for core in seen)
    return max(1, min(round(idle), len(cores)))


def idle_share(before: tuple[int, int], after: tuple[int, int]) -> float:
    """Return which share of the time between two readings a core was idle."""
    return (after[0] - before[0]) / max(after[1] - before[1], 1)


def idle_ticks(stat: Path) -> dict[int, tuple[int, int]]:
    """Return what each core was idle, and in all, since the start of the system."""
    try:
        lines = [line.split() for line in stat.read_text().splitlines()]
    except OSError:
        return {}
    cores = {}
    for name, *counts in lines:
        if name.startswith('cpu') and name[3:].isdigit():
            user, nice, system, idle, waiting, *rest = map(int, counts)
            total = user + nice + system + idle + waiting + sum(rest[:3])
            cores[int(name[3:])] = idle + waiting, total
    return cores


def threads_for(free: int) -> int:
    """Return the threads that compute together; one free core is left, where there are several.

    Such threads wait for each other after every product, spinning: where another process takes
    one of their cores, two of them are ten times slower than one (24 windows/s against 377).
    """
    return max(1, free - 1)
