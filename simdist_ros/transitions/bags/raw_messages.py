"""Messages as a file holds them, before they are decoded."""

from __future__ import annotations

from typing import NamedTuple

import yaml

__all__ = ['Definition', 'RawMessage', 'custom_data_of']


class Definition(NamedTuple):
    """What a file says of a message type; the name is empty where it is not CDR or unknown."""

    name: str
    encoding: str
    text: str


class RawMessage(NamedTuple):
    """One message as it was received: topic, its type, stamp [ns] and CDR data."""

    topic: str
    definition: Definition
    stamp_ns: int
    data: bytes


def custom_data_of(text: str) -> dict[str, str]:
    """Return ``custom_data`` from a text in which rosbag2 keeps its metadata, or nothing."""
    try:
        metadata = yaml.safe_load(text)
    except yaml.YAMLError:
        return {}
    if isinstance(metadata, dict):  # SQLite files have it as in metadata.yaml, MCAP without a root
        metadata = metadata.get('rosbag2_bagfile_information', metadata)
    noted = metadata.get('custom_data') if isinstance(metadata, dict) else None
    if not isinstance(noted, dict):
        return {}
    return {str(key): str(value) for key, value in noted.items()}
