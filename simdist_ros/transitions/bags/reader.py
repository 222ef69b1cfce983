"""Read bags: folders and single files, MCAP and SQLite, whole or cut off."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from simdist_ros.core.errors import BagError, unknown_name
from simdist_ros.transitions.bags.content import BagInfo, BagMessage
from simdist_ros.transitions.bags.metadata import METADATA_FILE
from simdist_ros.transitions.bags.scanned import (
    SUFFIXES,
    files_to_scan,
    read_scanned,
    scanned_info,
)
from simdist_ros.transitions.bags.whole import read_whole, whole_info

__all__ = ['bag_info', 'read_bag']


def bag_info(path: Path) -> BagInfo:
    """Say what a bag holds; it is read through for it, unless rosbag2 compressed it.

    Args:
        path: A rosbag2 folder, or an ``.mcap`` or ``.db3`` file.

    Raises:
        BagError: It is missing, is no bag, or cannot be read.
    """
    check_is_bag(path)
    files = files_to_scan(path)
    return scanned_info(path, files) if files else whole_info(path)


def read_bag(
    path: Path, topics: Collection[str] | None = None, info: BagInfo | None = None
) -> Iterator[BagMessage]:
    """Read messages in the order in which they were received.

    Of one that is damaged or was cut off, what is intact; `bag_info` tells what is not.

    Args:
        path: A rosbag2 folder, or an ``.mcap`` or ``.db3`` file.
        topics: Only these; None for all.
        info: From `bag_info`, where that was asked for already.

    Raises:
        BagError: It is missing, is no bag, holds no messages or not one of the topics, or (while
            reading) a message cannot be decoded.
    """
    info = info or bag_info(path)
    if not info.message_count:
        raise BagError(f'bag {str(path)!r} holds no messages; record another one')
    for name in topics or ():
        if name not in info.topics:
            raise BagError(f'bag {str(path)!r}: {unknown_name("topic", name, info.topics)}')
    wanted = None if topics is None else frozenset(topics)
    files = files_to_scan(path)
    return read_scanned(files, info, wanted) if files else read_whole(path, wanted)


def check_is_bag(path: Path) -> None:
    """Raise `BagError` for what cannot be a bag."""
    if not path.exists():
        raise BagError(f'bag {str(path)!r} does not exist')
    if path.is_file() and path.suffix not in SUFFIXES:
        raise BagError(
            f'{str(path)!r} is no bag: expected a rosbag2 folder or a file ending in .mcap or .db3'
        )
    if path.is_file() and not path.stat().st_size:
        raise BagError(f'{str(path)!r} is empty; record another bag')
    if path.is_dir() and not any(
        entry.name == METADATA_FILE or entry.suffix in SUFFIXES for entry in path.iterdir()
    ):
        raise BagError(
            f'folder {str(path)!r} is no bag: there is neither {METADATA_FILE} nor an .mcap or '
            '.db3 file'
        )
