"""``simdist finetune`` as a process beside a walk: behind all others, gone with its starter."""

from __future__ import annotations

import argparse
import os
import sys
import threading
from collections.abc import Sequence

from simdist_ros.adaptation.commands import run_finetune
from simdist_ros.adaptation.options import add_finetune
from simdist_ros.core.errors import SimdistError

__all__ = ['main']

NICENESS = 19  # control must never wait for it
BAD_INPUT = 2
STDIN = 0
ABANDONED = 1


def end_with_starter() -> None:
    """End this process at once when the other end of its standard input is gone."""
    while os.read(STDIN, 1):  # not sys.stdin, whose lock would be held when the process ends
        pass
    os._exit(ABANDONED)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, judge and write; return the exit code of ``simdist finetune``."""
    os.nice(NICENESS)
    threading.Thread(target=end_with_starter, daemon=True).start()
    parser = argparse.ArgumentParser()
    add_finetune(parser)
    try:
        return run_finetune(parser.parse_args(arguments))
    except SimdistError as error:
        print(f'error: {error}')
        return BAD_INPUT


if __name__ == '__main__':
    sys.exit(main())
