"""Write a file so that a reader sees the old content or the new, never a part."""

from __future__ import annotations

import os
import threading
from pathlib import Path

__all__ = ['TEMPORARY_SUFFIX', 'write_atomic']

TEMPORARY_SUFFIX = '.partial'


def write_atomic(path: Path, data: bytes) -> None:
    """Replace the file at `path`; on return it is on the disk.

    Raises:
        OSError: It cannot be written; what was there is untouched.
    """
    own = f'{os.getpid()}-{threading.get_ident()}'
    partial = path.with_name(f'.{path.name}.{own}{TEMPORARY_SUFFIX}')
    try:
        with partial.open('wb') as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Bring a folder's entries to the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
