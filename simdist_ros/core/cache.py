"""Where files are kept that can be made again."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ['CACHE', 'cache_folder']

CACHE = 'SIMDIST_CACHE'  # environment variable that names another folder


def cache_folder(kind: str) -> Path:
    """Return the folder for one kind of such files; it need not exist."""
    named = os.environ.get(CACHE)
    if named:
        return Path(named) / kind
    base = os.environ.get('XDG_CACHE_HOME') or str(Path('~/.cache').expanduser())
    return Path(base) / 'simdist_ros' / kind
