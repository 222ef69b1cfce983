"""Processes that work for one other, and end with it however it ends."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

__all__ = ['worker_pool']

ABANDONED = 1


def worker_pool(
    processes: int, prepare: Callable[..., None] | None = None, *arguments: Any
) -> ProcessPoolExecutor:
    """Start processes for tasks that are found by name.

    A killed owner cannot tell its workers to stop; left to themselves they would go on to the end
    of their tasks, beside those of the resumed run.

    Args:
        processes: How many.
        prepare: Called once in each of them.
        arguments: Of `prepare`.
    """
    context = multiprocessing.get_context('spawn')
    return ProcessPoolExecutor(processes, context, begin, (prepare, arguments))


def begin(prepare: Callable[..., None] | None, arguments: tuple[Any, ...]) -> None:
    """Tie this process to its owner, and prepare it."""
    threading.Thread(target=end_with_owner, daemon=True).start()
    if prepare is not None:
        prepare(*arguments)


def end_with_owner() -> None:
    """Wait for the owner's end, then end at once; what counts is written atomically."""
    owner = multiprocessing.parent_process()
    if owner is not None:
        owner.join()
        os._exit(ABANDONED)
