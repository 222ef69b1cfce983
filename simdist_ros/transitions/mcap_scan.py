"""Read an MCAP file from its beginning, without an index, as far as it goes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

import yaml
from mcap.reader import make_reader
from mcap.records import Channel, Message, Metadata, Schema
from mcap.stream_reader import StreamReader
from mcap.writer import MCAP0_MAGIC

from simdist_ros.core.errors import BagError

__all__ = ['McapScan', 'RawMessage', 'is_cut_off', 'noted_data']


class RawMessage(NamedTuple):
    """One message as it was received: topic, its schema, stamp [ns] and CDR data."""

    topic: str
    schema: Schema
    stamp_ns: int
    data: bytes


class McapScan:
    """One pass over a file; what is known of it grows on the way.

    Attributes:
        types: Message type of each topic.
        custom_data: What the writer noted.
    """

    def __init__(self, path: Path) -> None:
        """Read nothing yet."""
        self._path = path
        self._schemas: dict[int, Schema] = {}
        self._channels: dict[int, Channel] = {}
        self.types: dict[str, str] = {}
        self.custom_data: dict[str, str] = {}

    def messages(self) -> Iterator[RawMessage]:
        """Read up to the end or the break.

        Raises:
            BagError: The file is not MCAP.
        """
        with self._path.open('rb') as stream:
            if stream.read(len(MCAP0_MAGIC)) not in (MCAP0_MAGIC, b''):
                raise BagError(f'{str(self._path)!r} is no MCAP file')
            stream.seek(0)
            for record in records_until_break(stream):
                if isinstance(record, Schema):
                    self._schemas[record.id] = record
                elif isinstance(record, Channel):
                    self._channels[record.id] = record
                    self.types[record.topic] = self._schemas[record.schema_id].name
                elif isinstance(record, Metadata):
                    self.custom_data |= data_of(record)
                elif isinstance(record, Message):
                    channel = self._channels[record.channel_id]
                    schema = self._schemas[channel.schema_id]
                    yield RawMessage(channel.topic, schema, record.log_time, record.data)


def records_until_break(stream: IO[bytes]) -> Iterator[Any]:
    """Yield records until one is incomplete or damaged."""
    records = StreamReader(stream, validate_crcs=True).records
    while True:
        try:
            record = next(records, None)
        except Exception:  # half a record fails in its parser's own way
            return
        if record is None:
            return
        yield record


def is_cut_off(path: Path) -> bool:
    """Tell whether an MCAP file lacks its end, because its writer was killed."""
    size = len(MCAP0_MAGIC)
    with path.open('rb') as stream:
        if path.stat().st_size < 2 * size:
            return True
        stream.seek(-size, 2)
        return stream.read(size) != MCAP0_MAGIC


def noted_data(path: Path) -> dict[str, str]:
    """Return what the writer of a whole MCAP file noted in it as ``custom_data``."""
    noted: dict[str, str] = {}
    with path.open('rb') as stream:
        for record in make_reader(stream).iter_metadata():
            noted |= data_of(record)
    return noted


def data_of(record: Metadata) -> dict[str, str]:
    """Return ``custom_data`` from a record in which rosbag2 keeps its metadata."""
    try:
        metadata = yaml.safe_load(record.metadata.get('serialized_metadata', ''))
    except yaml.YAMLError:
        return {}
    noted = metadata.get('custom_data') if isinstance(metadata, dict) else None
    if not isinstance(noted, dict):
        return {}
    return {str(key): str(value) for key, value in noted.items()}
