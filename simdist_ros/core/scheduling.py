"""Precedence for processes with deadlines, and how long a thread waited for a processor."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from simdist_ros.core.settings import Settings, setting

__all__ = [
    'CONTROL',
    'SAFETY',
    'SchedulingSettings',
    'WaitClock',
    'step_behind',
    'take_precedence',
]

AUTO, NORMAL = 'auto', 'normal'
SAFETY, CONTROL, HELPER = 12, 10, 1  # realtime priorities, all below those of the kernel's threads
NICENESS = -10
TASKS = Path('/proc/self/task')
AUTOGROUP = Path('/proc/self/autogroup')
WAITS = '/proc/thread-self/schedstat'


@dataclass(frozen=True, kw_only=True)
class SchedulingSettings(Settings):
    """How the system shares its processors with a node that has deadlines."""

    scheduling: str = setting(
        AUTO,
        'auto asks for realtime scheduling (SCHED_RR), else for a negative niceness, where the '
        'system permits it and the clock is the wall clock; the diagnostics say what was given.',
        choices=(AUTO, NORMAL),
    )

    def apply(self, priority: int) -> str:
        """Take precedence if that is wanted; return what was given."""
        return take_precedence(priority) if self.scheduling == AUTO else NORMAL


def take_precedence(priority: int) -> str:
    """Schedule all threads of this process, and those they start, before normal ones.

    Threads that receive messages are included: a plan waits for them too. Nothing else changes
    where the system does not permit it.

    Args:
        priority: Realtime priority, 1 .. 99; the higher one goes first.

    Returns:
        What was given, for the diagnostics, e.g. ``SCHED_RR 10`` or ``normal``.
    """
    try:
        for thread in threads():
            with contextlib.suppress(ProcessLookupError):  # it has ended
                os.sched_setscheduler(thread, os.SCHED_RR, os.sched_param(priority))
    except (AttributeError, OSError):  # another system, or no permission
        return take_niceness()
    return f'SCHED_RR {priority}'


def take_niceness() -> str:
    """Lower the niceness of all threads and, where sessions share first, of the session."""
    try:
        for thread in threads():
            with contextlib.suppress(ProcessLookupError):
                os.setpriority(os.PRIO_PROCESS, thread, NICENESS)
    except (AttributeError, OSError):
        return NORMAL
    with contextlib.suppress(OSError):
        AUTOGROUP.write_text(f'{NICENESS}\n')
    return f'nice {NICENESS}'


def threads() -> list[int]:
    """Return the ids of this process's threads; the calling one alone where that is unknown."""
    try:
        return [int(task.name) for task in TASKS.iterdir()]
    except OSError:
        return [0]


def step_behind() -> None:
    """Let the calling thread give way to the others of its process, but not to other processes.

    It may hold Python's lock: a thread that waits for it would wait for those processes as well.
    """
    with contextlib.suppress(AttributeError, OSError):
        if os.sched_getscheduler(0) == os.SCHED_RR:
            os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(HELPER))


class WaitClock:
    """Counts the time in which its thread was ready to run and had no processor."""

    def __init__(self) -> None:
        """Count for the calling thread."""
        self.file: int | None = None
        with contextlib.suppress(OSError):
            self.file = os.open(WAITS, os.O_RDONLY)

    def read_ms(self) -> float:
        """Return the time waited so far [ms]; 0 where the system does not count it."""
        if self.file is None:
            return 0.0
        return 1e-6 * int(os.pread(self.file, 64, 0).split()[1])

    def close(self) -> None:
        """Stop counting."""
        if self.file is not None:
            os.close(self.file)
        self.file = None
