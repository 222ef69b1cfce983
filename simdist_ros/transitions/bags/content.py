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
        is_ordered: Whether the messages of each file stand in the order of their stamps.
        num_damaged: Places that cannot be read, e.g. chunks whose checksum fails.
        num_missing: Messages that the bag says it holds and that were not found.
    """

    path: Path
    topics: Mapping[str, TopicInfo]
    start_ns: int
    duration_s: float
    custom_data: Mapping[str, str]
    is_cut_off: bool
    is_ordered: bool = True
    num_damaged: int = 0
    num_missing: int = 0

    @property
    def message_count(self) -> int:
        """Number of messages on all topics."""
        return sum(topic.count for topic in self.topics.values())

    @property
    def losses(self) -> str:
        """What is missing of the recording, in words; empty if nothing is."""
        said = []
        if self.num_damaged:
            said.append(f'damaged in {self.num_damaged} places')
        if self.num_missing:
            said.append(f'{self.num_missing} of the messages that it promises not found')
        if self.is_cut_off:
            said.append('recording cut off')
        return ', '.join(said)
