"""rosbag2's ``metadata.yaml``, version 9: what ``ros2 bag info`` and ``play`` read first."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from simdist_ros.core.atomic import write_atomic
from simdist_ros.transitions.bags.recorded_topic import Topic, message_type

__all__ = ['METADATA_FILE', 'BagMetadata', 'to_yaml', 'write_metadata']

METADATA_FILE = 'metadata.yaml'
VERSION = 9


@dataclass(kw_only=True)
class BagMetadata:
    """What is known of a bag with one MCAP file.

    Attributes:
        file_name: Of the MCAP file, within the bag's folder.
        topics: The topics, in the order of their channels.
        info: The bag's ``custom_data``, e.g. robot, model and world.
        counts: Messages of each topic that are in the file.
        start_ns: Stamp of the earliest message [ns]; None while there is none.
        end_ns: Stamp of the latest message [ns].
    """

    file_name: str
    topics: Sequence[Topic]
    info: Mapping[str, str]
    counts: dict[str, int] = field(default_factory=dict)
    start_ns: int | None = None
    end_ns: int = 0

    def add(self, topic: str, stamp_ns: int) -> None:
        """Count one message."""
        self.counts[topic] = self.counts.get(topic, 0) + 1
        self.start_ns = stamp_ns if self.start_ns is None else min(self.start_ns, stamp_ns)
        self.end_ns = max(self.end_ns, stamp_ns)

    def as_rosbag2(self) -> dict[str, Any]:
        """Return the content of ``rosbag2_bagfile_information``."""
        return {
            'version': VERSION,
            'storage_identifier': 'mcap',
            **self._extent(),
            'topics_with_message_count': [self._topic(topic) for topic in self.topics],
            'compression_format': '',
            'compression_mode': '',
            'relative_file_paths': [self.file_name],
            'files': [{'path': self.file_name, **self._extent()}],
            'custom_data': dict(self.info),
            'ros_distro': os.environ.get('ROS_DISTRO', 'kilted'),
        }

    def _extent(self) -> dict[str, Any]:
        """Return start, duration and message count."""
        start_ns = self.start_ns or 0
        return {
            'starting_time': {'nanoseconds_since_epoch': start_ns},
            'duration': {'nanoseconds': self.end_ns - start_ns},
            'message_count': sum(self.counts.values()),
        }

    def _topic(self, topic: Topic) -> dict[str, Any]:
        """Return one entry of ``topics_with_message_count``."""
        return {
            'topic_metadata': {
                'name': topic.name,
                'type': topic.type,
                'serialization_format': 'cdr',
                'offered_qos_profiles': [topic.qos()],
                'type_description_hash': message_type(topic.type).hash,
            },
            'message_count': self.counts.get(topic.name, 0),
        }


def to_yaml(data: Any) -> str:
    """Return YAML as rosbag2 writes it: block style, one line a value."""
    text: str = yaml.safe_dump(data, sort_keys=False, width=1_000_000)
    return text


def write_metadata(folder: Path, metadata: BagMetadata) -> None:
    """Write or replace ``metadata.yaml``; a reader finds the old one or the new one.

    Raises:
        OSError: The disk refuses.
    """
    text = to_yaml({'rosbag2_bagfile_information': metadata.as_rosbag2()})
    write_atomic(folder / METADATA_FILE, text.encode())
