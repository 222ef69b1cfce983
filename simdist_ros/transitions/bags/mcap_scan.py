"""Read an MCAP file from its beginning, chunk by chunk, past what is damaged in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from mcap.reader import make_reader
from mcap.records import Channel, Chunk, Footer, Message, Metadata, Schema, Statistics
from mcap.stream_reader import StreamReader, breakup_chunk
from mcap.writer import MCAP0_MAGIC

from simdist_ros.core.errors import BagError
from simdist_ros.transitions.bags.raw_messages import Definition, RawMessage, custom_data_of

__all__ = ['McapScan']

CDR = 'cdr'


class McapScan:
    """Passes over a file; what is known of it grows on the way.

    No index is needed, and a chunk whose checksum fails is left out. Only where the length of a
    record is damaged, the rest of the file is lost, unless the summary tells where the next chunk
    begins.

    Attributes:
        types: Message type of each topic; empty for one that has none.
        custom_data: What the writer noted.
        promised: Number of messages of each topic by the file's own statistics; empty where it
            has none.
        num_damaged: Chunks that cannot be read.
        is_cut_off: Whether the file lacks its end.
    """

    def __init__(self, path: Path) -> None:
        """Read nothing yet."""
        self._path = path
        self._schemas: dict[int, Schema] = {}
        self._channels: dict[int, Channel] = {}
        self.types: dict[str, str] = {}
        self.custom_data: dict[str, str] = {}
        self.promised: dict[str, int] = {}
        self.num_damaged = 0
        self.is_cut_off = True

    def messages(self) -> Iterator[RawMessage]:
        """Read all messages that are intact, in the order in which they were written.

        Raises:
            BagError: The file is not MCAP.
        """
        self.num_damaged, self.is_cut_off = 0, True
        with self._path.open('rb') as stream:
            if stream.read(len(MCAP0_MAGIC)) not in (MCAP0_MAGIC, b''):
                raise BagError(f'{str(self._path)!r} is no MCAP file')
            for record in self._records(stream):
                if isinstance(record, Message):
                    if record.channel_id in self._channels:  # else a damaged chunk told of it
                        yield self._message(record)
                else:
                    self._note(record)

    def _records(self, stream: IO[bytes]) -> Iterator[Any]:
        """Yield the records of the file and of its intact chunks."""
        offsets = self._note_summary(stream)
        begin: int | None = 0
        while begin is not None:
            sound_until = begin
            for record in self._until_break(stream, begin):
                sound_until = stream.tell()
                if not isinstance(record, Chunk):
                    yield record
                    continue
                try:
                    yield from breakup_chunk(record, validate_crc=True)
                except Exception:  # what is compressed fails in its library's own way
                    self.num_damaged += 1
            begin = None
            if self.is_cut_off:
                begin = next((offset for offset in offsets if offset > sound_until), None)
                self.num_damaged += begin is not None

    def _note_summary(self, stream: IO[bytes]) -> list[int]:
        """Take the channels of the summary, lest a damaged chunk was the one to tell of them.

        Returns:
            Where the chunks begin, in order; nothing where there is no summary.
        """
        stream.seek(0)
        try:
            summary = make_reader(stream).get_summary()
        except Exception:  # a file without its end
            summary = None
        if summary is None:
            return []
        self._schemas |= summary.schemas
        for channel in summary.channels.values():
            self._note(channel)
        return sorted(index.chunk_start_offset for index in summary.chunk_indexes)

    def _until_break(self, stream: IO[bytes], begin: int) -> Iterator[Any]:
        """Yield records from a place in the file on, until one is incomplete or damaged."""
        stream.seek(begin)
        records = StreamReader(stream, skip_magic=begin > 0, emit_chunks=True).records
        try:
            for record in records:
                yield record
                self.is_cut_off = not isinstance(record, Footer)
        except GeneratorExit:
            raise
        except Exception:  # half a record fails in its parser's own way
            self.is_cut_off = True

    def _note(self, record: Any) -> None:
        """Take what a record tells of others."""
        if isinstance(record, Schema):
            self._schemas[record.id] = record
        elif isinstance(record, Channel):
            self._channels[record.id] = record
            schema = self._schemas.get(record.schema_id)
            self.types[record.topic] = schema.name if schema is not None else ''
        elif isinstance(record, Metadata):
            self.custom_data |= custom_data_of(record.metadata.get('serialized_metadata', ''))
        elif isinstance(record, Statistics):
            counts = record.channel_message_counts.items()
            self.promised = {
                self._channels[channel].topic: count
                for channel, count in counts
                if channel in self._channels
            }

    def _message(self, record: Message) -> RawMessage:
        """Return a message with its topic and type."""
        channel = self._channels[record.channel_id]
        schema = self._schemas.get(channel.schema_id)
        definition = Definition('', '', '')
        if schema is not None and channel.message_encoding == CDR:
            text = schema.data.decode(errors='replace')
            definition = Definition(schema.name, schema.encoding, text)
        return RawMessage(channel.topic, definition, record.log_time, record.data)
