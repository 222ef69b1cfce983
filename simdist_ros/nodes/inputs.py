"""Says why a node receives nothing of what it needs: another type, no publisher, odd stamps."""

from __future__ import annotations

from collections.abc import Callable, Collection

from rclpy.node import Node

from simdist_ros.messages.topic_names import TYPES
from simdist_ros.nodes.other_publishers import node_name
from simdist_ros.nodes.throttle import ThrottledLog

__all__ = ['Inputs', 'other_types']

PATIENT_LOOKS = 3  # in a row before the log says it
STARTING_LOOKS = 30  # the same before all has ever been well: others are still to come


class Inputs:
    """Looks every now and then at the topics that a node needs."""

    def __init__(
        self,
        node: Node,
        needed: Collection[str],
        missing: Callable[[], str] = lambda: '',
    ) -> None:
        """Watch topics.

        Args:
            node: From whose point of view.
            needed: Names of topics, as in ``topics``.
            missing: Returns what else is missing, an empty text if nothing is.
        """
        self.node, self.needed, self.missing = node, needed, missing
        self.log = ThrottledLog(node.get_logger())
        self.looks = 0  # in a row that found something
        self.was_well = False  # in some look

    def look(self) -> str:
        """Return what is wrong, or an empty text; what stays wrong is logged, not too often."""
        wrong = '; '.join(other_types(self.node, self.needed).values())
        said = wrong or self.missing()
        self.looks = self.looks + 1 if said else 0
        self.was_well |= not said
        if self.looks >= (PATIENT_LOOKS if wrong or self.was_well else STARTING_LOOKS):
            self.log.warning('inputs', said)
        return said


def other_types(node: Node, needed: Collection[str]) -> dict[str, str]:
    """Return a sentence for each topic that is published with a type other than expected.

    It costs 0.01 ms while none is.
    """
    types = dict(node.get_topic_names_and_types())
    found = {}
    for topic in needed:
        name, expected = node.resolve_topic_name(topic), TYPES[topic][0]
        if set(types.get(name, ())) <= {expected}:
            continue
        others = {
            info.topic_type: node_name(info)
            for info in node.get_publishers_info_by_topic(name)
            if info.topic_type != expected
        }
        if others:
            listed = ' and '.join(f'{kind} by {who}' for kind, who in others.items())
            found[topic] = (
                f'{name} is published as {listed}, which is not received; expected {expected}: '
                'have it published with that type, or remap the topic'
            )
    return found
