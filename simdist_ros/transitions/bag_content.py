"""What bags are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ['BagInfo', 'BagMessage', 'TopicInfo']


class BagMessage(NamedTuple):
    """One message: topic, type, when it was received [ns], and the message itself.

    Its fields are named as in ROS; sequences of numbers are NumPy arrays.
    """

    topic: str
    type: str
    stamp_ns: int
    message: Any


@dataclass(frozen=True)
class TopicInfo:
    """Type and number of messages of one topic."""

    type: str
    count: int


@dataclass(frozen=True, kw_only=True)
class BagInfo:
    """What a bag holds.

    Attributes:
        path: The folder or file.
        topics: By name; those without messages too, where the bag lists them.
        start_ns: Stamp of the earliest message [ns]; 0 in a bag without messages.
        duration_s: From the earliest to the latest message [s].
        custom_data: What its writer noted, e.g. robot, model, world.
        is_cut_off: Whether the recording was killed, so that its end is missing.
    """

    path: Path
    topics: Mapping[str, TopicInfo]
    start_ns: int
    duration_s: float
    custom_data: Mapping[str, str]
    is_cut_off: bool

    @property
    def message_count(self) -> int:
        """Number of messages on all topics."""
        return sum(topic.count for topic in self.topics.values())
