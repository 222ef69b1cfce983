"""What an interrupted command leaves, and how to go on with it."""

from __future__ import annotations

import contextlib
import shlex
import sys
from collections.abc import Iterator, Sequence

__all__ = ['says_how_to_resume']


@contextlib.contextmanager
def says_how_to_resume(given: Sequence[str], kept: str, verb: str = 'go on') -> Iterator[None]:
    """On Ctrl-C say on standard error what is kept, and the command to type.

    Args:
        given: What was typed after ``simdist``.
        kept: What there is now, as a sentence without its end.
        verb: What the same command does then.
    """
    try:
        yield
    except KeyboardInterrupt:
        command = shlex.join(['simdist', *given])
        print(f'\ninterrupted: {kept}; {verb} with\n  {command}', file=sys.stderr, flush=True)
        raise
