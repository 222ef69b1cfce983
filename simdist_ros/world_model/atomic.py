"""Write a file so that a reader sees the old content or the new, never a part."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

__all__ = ['TEMPORARY_SUFFIX', 'write_atomic']

TEMPORARY_SUFFIX = '.partial'


def write_atomic(path: Path, data: bytes) -> None:
    """Replace the file at `path`; on return it is on the disk.

    Raises:
        OSError: It cannot be written; what was there is untouched.
    """
    handle, name = tempfile.mkstemp(TEMPORARY_SUFFIX, f'.{path.name}.', path.parent)
    try:
        with os.fdopen(handle, 'wb') as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(name, 0o666 & ~umask)  # mkstemp makes it private
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Bring a folder's entries to the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
