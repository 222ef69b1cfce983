"""Find out before the work whether its result can be written."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from simdist_ros.core.errors import ConfigError

__all__ = ['check_file', 'check_folder']


def check_folder(folder: Path, name: str) -> None:
    """Refuse a folder that cannot be made or written into; nothing is left there.

    Args:
        folder: It need not exist, nor the one above it.
        name: What the user calls it, e.g. ``--out``.

    Raises:
        ConfigError: It cannot.
    """
    place = folder.expanduser().absolute()
    while not os.path.lexists(place) and place != place.parent:
        place = place.parent
    try:
        if not place.is_dir():
            what = f'{place} is a file' if place.is_file() else f'{place} is no folder'
            raise ConfigError(f'{name} {folder}: {what}; choose another folder')
        with tempfile.TemporaryDirectory(prefix='.simdist-', dir=place):
            pass  # permissions, read-only and full disks: only trying tells
    except OSError as error:
        reason = error.strerror or error
        raise ConfigError(
            f'{name} {folder}: cannot be written ({place}: {reason}); choose another folder'
        ) from None


def check_file(path: Path, name: str) -> None:
    """Refuse a file that cannot be made or replaced; nothing is changed.

    Args:
        path: It need not exist, nor its folder.
        name: What the user calls it, e.g. ``--report``.

    Raises:
        ConfigError: It cannot.
    """
    if path.is_dir():
        raise ConfigError(f'{name} {path}: that is a folder; name a file')
    check_folder(path.expanduser().absolute().parent, f'{name} {path}: its folder')
