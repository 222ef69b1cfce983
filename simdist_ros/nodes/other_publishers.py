"""Finds nodes that publish what only one node of a robot may: its states, plans and commands."""

from __future__ import annotations

import time
from collections.abc import Collection

from rclpy.node import Node
from rclpy.topic_endpoint_info import TopicEndpointInfo

from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.sensors import SENSORS

__all__ = ['STATE_TOPICS', 'OtherPublishers', 'node_name', 'refuse_other_publishers']

STATE_TOPICS = tuple(sensor.topic for sensor in SENSORS.values())
DISCOVERY_S = 1.5  # in which a new node hears of those that are there
POLL_S = 0.05
UNKNOWN = 'UNKNOWN'  # in what the middleware calls a node whose name it does not know
NAMING_S = 2.0  # from hearing of a publisher to the name of its node
NAMELESS = 'an unnamed node'
LEASE_S = 32.0  # after which a killed node is forgotten; that of config/fastdds.xml and a margin
REMEDY = 'end that node, or set another ROS_DOMAIN_ID or namespace'


def refuse_other_publishers(node: Node, wanted: Collection[str], created: float) -> None:
    """Wait until a new node knows who is there; call it before the node publishes anything.

    Args:
        node: The new node.
        wanted: Topics that it alone is to publish.
        created: When the node was made, on the monotonic clock [s].

    Raises:
        ConfigError: One of them has a publisher already.
    """
    while True:
        for topic in wanted:
            names = publishers_of(node, topic)
            while NAMELESS in names and time.monotonic() - created < DISCOVERY_S + NAMING_S:
                time.sleep(POLL_S)
                names = publishers_of(node, topic)
            if names:
                raise ConfigError(
                    f'{node.resolve_topic_name(topic)} is published by {", ".join(names)} '
                    f'already, so that node {node.get_name()!r} is not started; {REMEDY}'
                )
        if time.monotonic() - created > DISCOVERY_S:
            return
        time.sleep(POLL_S)


class OtherPublishers:
    """Looks again and again whether a topic has more than one publisher.

    The successor of a node that was killed has the same name and does not count while the
    middleware may not yet have forgotten the killed one; one whose name is still to come may be
    such a successor.
    """

    def __init__(self, node: Node, watched: Collection[str]) -> None:
        """Watch topics from the point of view of a node."""
        self.node, self.watched = node, watched
        self.owner: dict[str, str] = {}  # who was alone on a topic
        self.doubled: dict[str, float] = {}  # since when a topic has two publishers of one name

    def find(self) -> dict[str, str]:
        """Return who else publishes, by topic; it costs 0.03 ms a topic while there are none."""
        found = {}
        for topic in self.watched:
            count = self.node.count_publishers(topic)
            if count <= 1:
                self.doubled.pop(topic, None)
                if count and topic not in self.owner:
                    name = ''.join(publishers_of(self.node, topic)[:1])
                    if name not in ('', NAMELESS):
                        self.owner[topic] = name
            elif names := self.others(topic):
                found[topic] = ', '.join(names)
        return found

    def others(self, topic: str) -> list[str]:
        """Return who publishes a topic beside its owner."""
        names = publishers_of(self.node, topic)
        others = list(names)
        if self.owner.get(topic) in others:
            others.remove(self.owner[topic])
        if NAMELESS in others or len(set(names)) == 1:
            since = self.doubled.setdefault(topic, time.monotonic())
            if time.monotonic() - since < (NAMING_S if NAMELESS in others else LEASE_S):
                return []
        return others if len(names) > 1 else []

    def sentence(self, found: dict[str, str]) -> str:
        """Say what was found in one sentence."""
        listed = ', '.join(
            f'{self.node.resolve_topic_name(topic)} by {names}' for topic, names in found.items()
        )
        return f'this robot has other publishers: {listed}; {REMEDY}'


def publishers_of(node: Node, topic: str) -> list[str]:
    """Return the full names of the nodes that publish a topic, once per publisher."""
    found = node.get_publishers_info_by_topic(node.resolve_topic_name(topic))
    return [node_name(info) for info in found]


def node_name(publisher: TopicEndpointInfo) -> str:
    """Return the full name of the node that a publisher belongs to."""
    if UNKNOWN in publisher.node_name:
        return NAMELESS
    return f'{publisher.node_namespace.rstrip("/")}/{publisher.node_name}'
