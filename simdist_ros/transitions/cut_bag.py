"""Bags whose writer was killed: MCAP without an index, folders without metadata."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from mcap.records import Schema
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from simdist_ros.core.errors import BagError
from simdist_ros.transitions.bag_content import BagInfo, BagMessage, TopicInfo
from simdist_ros.transitions.bag_metadata import METADATA_FILE
from simdist_ros.transitions.mcap_scan import McapScan, is_cut_off
from simdist_ros.transitions.topic import typestore

__all__ = ['cut_info', 'files_to_scan', 'read_cut']


def files_to_scan(path: Path) -> list[Path]:
    """Return the MCAP files of a bag that has to be read without an index; else none."""
    if path.is_file():
        return [path] if path.suffix == '.mcap' and is_cut_off(path) else []
    files = sorted(path.glob('*.mcap'), key=lambda file: (len(file.name), file.name))
    is_described = (path / METADATA_FILE).exists()
    return files if not is_described or any(map(is_cut_off, files)) else []


def cut_info(path: Path, files: list[Path]) -> BagInfo:
    """Say what a bag holds, by reading all of it.

    Raises:
        BagError: One of its files is not MCAP.
    """
    scans = [McapScan(file) for file in files]
    counts: Counter[str] = Counter()
    start_ns, end_ns = 0, 0
    for scan in scans:
        for topic, _, stamp_ns, _ in scan.messages():
            start_ns = min(start_ns, stamp_ns) if counts else stamp_ns
            end_ns = max(end_ns, stamp_ns)
            counts[topic] += 1
    types = {name: kind for scan in scans for name, kind in scan.types.items()}
    return BagInfo(
        path=path,
        topics={name: TopicInfo(types[name], counts[name]) for name in sorted(types)},
        start_ns=start_ns,
        duration_s=1e-9 * (end_ns - start_ns),
        custom_data={k: v for scan in scans for k, v in scan.custom_data.items()},
        is_cut_off=any(map(is_cut_off, files)),
    )


def read_cut(
    path: Path, files: list[Path], topics: Collection[str] | None
) -> Iterator[BagMessage]:
    """Read the messages of some topics, or of all, in the order in which they were written.

    Raises:
        BagError: A file is not MCAP, or one of its messages cannot be decoded.
    """
    decoder = Decoder(path)
    for file in files:
        for topic, schema, stamp_ns, data in McapScan(file).messages():
            if topics is None or topic in topics:
                message = decoder.decode(topic, schema, stamp_ns, data)
                yield BagMessage(topic, schema.name, stamp_ns, message)


class Decoder:
    """Decodes messages by the definitions that their file carries."""

    def __init__(self, path: Path) -> None:
        """Know no type yet."""
        self._path = path
        self._stores: dict[str, Any] = {}

    def decode(self, topic: str, schema: Schema, stamp_ns: int, data: bytes) -> Any:
        """Return a message.

        Raises:
            BagError: The data is not of that type, or the definition is not understood.
        """
        try:
            if schema.name not in self._stores:
                self._stores[schema.name] = store_of(schema)
            return self._stores[schema.name].deserialize_cdr(data, schema.name)
        except Exception as error:  # short data may fail in any way
            raise BagError(
                f'bag {str(self._path)!r}: the message on {topic} at {stamp_ns} ns is no '
                f'{schema.name} ({error})'
            ) from None


def store_of(schema: Schema) -> Any:
    """Return the types that a schema defines; the standard ones for other than .msg text."""
    if schema.encoding != 'ros2msg':
        return typestore()
    store = get_typestore(Stores.EMPTY)
    store.register(get_types_from_msg(schema.data.decode(), schema.name))
    return store
