"""One family of errors; each message names subject, value, rule and remedy in one sentence."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    'BagError',
    'CheckpointError',
    'ConfigError',
    'SimdistError',
    'unknown_name',
]


class SimdistError(Exception):
    """Base of all errors that a user can cause and mend; the CLI prints it and exits with 2."""


class ConfigError(SimdistError):
    """A setting, robot, world or command-line value breaks a rule."""


class CheckpointError(SimdistError):
    """A model folder is damaged, incomplete, or made for something else."""


class BagError(SimdistError):
    """A bag cannot be written where asked, or cannot be read."""


def unknown_name(subject: str, name: str, known: Iterable[str]) -> str:
    """Say that a name is unknown, with the nearest known one, else the whole list.

    Args:
        subject: What the name stands for, e.g. ``setting``.
        name: The name as given.
        known: The names that would have been accepted.

    Returns:
        One sentence without a final stop.
    """
    options = sorted(known)
    near = difflib.get_close_matches(name, options, n=1, cutoff=0.6)
    if near:
        return f'unknown {subject} {name!r}; did you mean {near[0]!r}?'
    return f'unknown {subject} {name!r}; known: {", ".join(options) or "none"}'
