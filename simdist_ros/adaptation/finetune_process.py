"""``simdist finetune`` as a process beside a walk, which ends when its starter does."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from simdist_ros.core.errors import SimdistError
from simdist_ros.core.options import BAD_INPUT, parse_options

__all__ = ['LOW_PRIORITY', 'main']

LOW_PRIORITY = '--low-priority'  # first argument of one that gives way to all other processes

NICENESS = 19  # control must never wait for it
AUTOGROUP = Path('/proc/self/autogroup')
STDIN = 0
ABANDONED = 1


def step_back() -> None:
    """Let all other processes go first.

    Where Linux shares the processor between sessions first (autogroup), niceness counts within a
    session alone, and this process has one of its own: so the session steps back too. And a core
    on which only idle work runs is taken at once by any process that wakes up.
    """
    os.nice(NICENESS)
    with contextlib.suppress(OSError):  # another system
        AUTOGROUP.write_text(f'{NICENESS}\n')
    if hasattr(os, 'SCHED_IDLE'):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def end_with_starter() -> None:
    """End this process at once when the other end of its standard input is gone."""
    while os.read(STDIN, 1):  # not sys.stdin, whose lock would be held when the process ends
        pass
    os._exit(ABANDONED)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, gate and write; return the exit code of ``simdist finetune``."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == [LOW_PRIORITY]:
        step_back()
        given = given[1:]
    from simdist_ros.adaptation.commands import run_finetune  # seconds of work, so only now
    from simdist_ros.adaptation.options import FinetuneOptions

    threading.Thread(target=end_with_starter, daemon=True).start()
    try:
        return run_finetune(parse_options(FinetuneOptions, given, 'simdist finetune'))
    except SimdistError as error:
        print(f'error: {error}')
        return BAD_INPUT


if __name__ == '__main__':
    sys.exit(main())
