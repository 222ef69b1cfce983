"""The MCAP file of a bag, written so that a killed process leaves what it had flushed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import IO, Any

from mcap.writer import CompressionType, Writer

from simdist_ros.transitions.bags.metadata import BagMetadata, to_yaml
from simdist_ros.transitions.bags.recorded_topic import Topic, message_type

__all__ = ['McapFile']

CHUNK_BYTES = 64 * 1024


class McapFile:
    """Messages of the topics of one bag, in MCAP's ``ros2`` profile as rosbag2 writes it.

    What is counted in `safe` has left the process; the rest is in the chunk in progress.
    """

    def __init__(self, stream: IO[bytes], metadata: BagMetadata) -> None:
        """Write the header, the bag's metadata and the channels.

        Raises:
            OSError: The disk refuses.
            BagError: A message type is unknown.
        """
        self._added = metadata
        self.safe = snapshot(metadata)
        self._stream = stream
        self._writer: Any = Writer(
            stream, chunk_size=CHUNK_BYTES, compression=CompressionType.ZSTD
        )
        self._writer.start(profile='ros2', library='simdist_ros')
        self._write_metadata()
        self._channels = self._register(metadata.topics)
        stream.flush()

    def add(self, topic: str, stamp_ns: int, data: bytes) -> None:
        """Add one serialized message.

        Raises:
            OSError: The disk refuses.
        """
        self._added.add(topic, stamp_ns)
        self._writer.add_message(
            channel_id=self._channels[topic], log_time=stamp_ns, publish_time=stamp_ns, data=data
        )

    def flush(self) -> None:
        """Finish the chunk in progress and hand everything to the operating system.

        Raises:
            OSError: The disk refuses.
        """
        self._writer.flush()
        self.safe = snapshot(self._added)

    def close(self) -> None:
        """Write the metadata again, with what came of it, and the index; close the stream.

        Raises:
            OSError: The disk refuses.
        """
        self.flush()
        self._write_metadata()
        self._writer.finish()
        self._stream.close()

    def abandon(self) -> None:
        """Close the stream as it is.

        Raises:
            OSError: The disk refuses what is still buffered.
        """
        self._stream.close()

    def pending(self) -> Mapping[str, int]:
        """Return how many messages of each topic are not safe yet."""
        safe = self.safe.counts
        return {name: n - safe.get(name, 0) for name, n in self._added.counts.items()}

    def _write_metadata(self) -> None:
        """Write the record in which rosbag2 keeps its metadata inside the file."""
        text = to_yaml(self._added.as_rosbag2())
        self._writer.add_metadata('rosbag2', {'serialized_metadata': text})

    def _register(self, topics: Sequence[Topic]) -> dict[str, int]:
        """Declare the topics and their types; return the channel of each topic."""
        types = {name: message_type(name) for name in dict.fromkeys(t.type for t in topics)}
        schemas = {
            name: self._writer.register_schema(name, 'ros2msg', kind.definition.encode())
            for name, kind in types.items()
        }
        return {
            topic.name: self._writer.register_channel(
                topic.name,
                'cdr',
                schemas[topic.type],
                {
                    'offered_qos_profiles': to_yaml([topic.qos()]),
                    'topic_type_hash': types[topic.type].hash,
                },
            )
            for topic in topics
        }


def snapshot(metadata: BagMetadata) -> BagMetadata:
    """Return a copy that does not count on."""
    return replace(metadata, counts=dict(metadata.counts))
