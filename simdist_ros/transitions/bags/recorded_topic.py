"""One recorded topic, and what rosbag2 notes of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from rosbags.typesys import Stores, TypesysError, get_typestore
from rosbags.typesys.store import Typestore

from simdist_ros.core.errors import BagError, unknown_name

__all__ = ['MessageType', 'Topic', 'message_type', 'typestore']

INFINITE = {'sec': 9223372036, 'nsec': 854775807}


@dataclass(frozen=True, kw_only=True)
class Topic:
    """A topic to record.

    Attributes:
        name: Full name, e.g. ``/joint_states``.
        type: ROS type, e.g. ``sensor_msgs/msg/JointState``.
        reliable: Whether its publisher offers reliable delivery, else best effort.
        transient_local: Whether its publisher keeps the last messages for late subscribers.
        depth: Of its publisher's queue.
    """

    name: str
    type: str
    reliable: bool = True
    transient_local: bool = False
    depth: int = 10

    def qos(self) -> dict[str, Any]:
        """Return the offered quality of service as rosbag2 spells it (metadata version 9)."""
        return {
            'history': 'keep_last',
            'depth': self.depth,
            'reliability': 'reliable' if self.reliable else 'best_effort',
            'durability': 'transient_local' if self.transient_local else 'volatile',
            'deadline': dict(INFINITE),
            'lifespan': dict(INFINITE),
            'liveliness': 'automatic',
            'liveliness_lease_duration': dict(INFINITE),
            'avoid_ros_namespace_conventions': False,
        }


@dataclass(frozen=True)
class MessageType:
    """A message type's full definition, its parts included, and its REP 2016 hash."""

    name: str
    definition: str
    hash: str


@cache
def typestore() -> Typestore:
    """Return the standard message types (of Kilted; the same since Jazzy)."""
    return get_typestore(Stores.ROS2_KILTED)


def message_type(name: str) -> MessageType:
    """Return a standard message type.

    Raises:
        BagError: It is not one.
    """
    store = typestore()
    try:
        definition, _ = store.generate_msgdef(name, ros_version=2)
        return MessageType(name, definition, store.hash_rihs01(name))
    except (TypesysError, KeyError):
        raise BagError(unknown_name('message type', name, store.types)) from None
