"""Keep two processes from writing the same folder; a killed one holds nothing."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from simdist_ros.core.errors import ConfigError

__all__ = ['lock_folder', 'open_lock']


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Hold a folder, which need not exist yet, by a lock beside it.

    Raises:
        ConfigError: Another process holds it, or there is no place for the lock.
    """
    path = folder.resolve().with_name(f'.{folder.resolve().name}.lock')
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = open_lock(path)
    except OSError as error:
        raise ConfigError(f'{folder}: cannot be written ({error}); choose another') from None
    if handle is None:
        raise ConfigError(
            f'{folder} is being written by another process; wait for it, or choose another folder'
        )
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)


def open_lock(path: Path, *, creates: bool = True) -> int | None:
    """Return a handle that holds the lock, or None if another process does.

    Raises:
        OSError: The file cannot be opened, or is missing and not to be created.
    """
    while True:
        handle = os.open(path, os.O_RDWR | (os.O_CREAT if creates else 0), 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return None
        if is_at(path, handle):
            return handle
        os.close(handle)  # its last holder removed it meanwhile


def is_at(path: Path, handle: int) -> bool:
    """Tell whether an open file is still the one at a path."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False
