"""Bags that rosbag2 compressed, by file or by message, as rosbags reads them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rosbags.highlevel import AnyReader

from simdist_ros.core.errors import BagError
from simdist_ros.transitions.bags.cdr import decode_cdr
from simdist_ros.transitions.bags.content import BagInfo, BagMessage, TopicInfo
from simdist_ros.transitions.bags.recorded_topic import typestore

__all__ = ['read_whole', 'whole_info']


def whole_info(path: Path) -> BagInfo:
    """Say what a bag holds, from its index alone.

    Raises:
        BagError: It cannot be read.
    """
    with opened(path) as reader:
        storage: Any = reader.readers[0]
        noted = storage.storage.metadata.custom
        return BagInfo(
            path=path,
            topics={
                name: TopicInfo(topic.msgtype or 'several types', topic.msgcount)
                for name, topic in sorted(reader.topics.items())
            },
            start_ns=reader.start_time if reader.message_count else 0,
            duration_s=1e-9 * max(0, reader.duration - 1) if reader.message_count else 0.0,
            custom_data=dict(noted or {}),
            is_cut_off=False,
        )


def read_whole(path: Path, topics: Collection[str] | None) -> Iterator[BagMessage]:
    """Read the messages of some topics, or of all, in the order of their stamps.

    Raises:
        BagError: It cannot be read, or one of its messages cannot be decoded.
    """
    with opened(path) as reader:
        wanted = [c for c in reader.connections if topics is None or c.topic in topics]
        raw_messages = reader.messages(connections=wanted) if wanted else iter(())
        for connection, stamp_ns, data in raw_messages:
            topic, kind = connection.topic, connection.msgtype
            try:
                message = decode_cdr(reader.typestore, data, kind)
            except Exception as error:  # short data may fail in any way
                raise BagError(
                    f'bag {str(path)!r}: the message on {topic} at {stamp_ns} ns is no '
                    f'{kind} ({error})'
                ) from None
            yield BagMessage(topic, kind, stamp_ns, message)


@contextmanager
def opened(path: Path) -> Iterator[AnyReader]:
    """Open a bag; whatever its storage says against it becomes a `BagError`."""
    try:
        reader = AnyReader([path], default_typestore=typestore())
        reader.open()
    except Exception as error:
        reason = ' '.join(str(error).split())
        raise BagError(f'bag {str(path)!r} cannot be read: {reason}') from None
    try:
        yield reader
    finally:
        reader.close()
