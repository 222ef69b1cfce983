"""Another terminal's view of a graph: how its nodes and topics are, and requests to them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.client import Client
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from std_msgs.msg import String
from std_srvs.srv import Trigger

from simdist_ros.core.errors import SimdistError
from simdist_ros.messages.topics import MESSAGES, MODE, OF_TASKS
from simdist_ros.nodes.inputs import other_types
from simdist_ros.nodes.qos import LATCHED, RECORDED

__all__ = ['GraphClient', 'Heard', 'NoAnswerError', 'NodeHealth', 'TopicHealth', 'graph_client']

PAUSE_S = 0.02
REMEDY = {'finetuner': 'start a graph with --finetune'}
REST_S = 2.2  # after the first diagnostics: every node says how it is once a second
LEVELS = {
    DiagnosticStatus.OK: 'ok',
    DiagnosticStatus.WARN: 'warning',
    DiagnosticStatus.ERROR: 'error',
    DiagnosticStatus.STALE: 'stale',
}
ANY = QoSProfile(
    depth=100,
    reliability=ReliabilityPolicy.BEST_EFFORT,
    durability=DurabilityPolicy.VOLATILE,
)


class NoAnswerError(SimdistError):
    """No node of the graph is there, or it does not answer in time."""


@dataclass(frozen=True)
class NodeHealth:
    """What a node last said of itself: a level in words, a sentence, and its figures."""

    level: str
    summary: str
    values: dict[str, str]


@dataclass
class TopicHealth:
    """Messages of a topic: how many came, when the first and last did [s], and why none did."""

    misfit: str = ''
    publishers: int = 0
    messages: int = 0
    first: float = 0.0
    last: float = 0.0

    @property
    def rate_hz(self) -> float:
        """Messages per second of wall time between the first and the last; 0 for fewer than 3."""
        span = self.last - self.first
        return (self.messages - 1) / span if self.messages > 2 and span > 0.0 else 0.0


@dataclass
class Heard:
    """All that was heard of a graph.

    Attributes:
        mode: Operating mode, empty if unknown.
        nodes: By name.
        topics: By name, those without a message too.
        seconds: How long was listened [s].
        ended: When, by the clock of the topics' times [s].
    """

    mode: str = ''
    nodes: dict[str, NodeHealth] = field(default_factory=dict)
    topics: dict[str, TopicHealth] = field(default_factory=dict)
    seconds: float = 0.0
    ended: float = 0.0


class GraphClient:
    """A node without a loop of its own; it lives as long as one command."""

    def __init__(self, context: Context, namespace: str = '') -> None:
        """Join the graph in the domain of a context."""
        self.node = Node(
            'simdist_operator',
            context=context,
            namespace=namespace,
            enable_rosout=False,
            start_parameter_services=False,
        )
        self.executor = SingleThreadedExecutor(context=context)
        self.executor.add_node(self.node)

    def close(self) -> None:
        """Leave the graph."""
        self.executor.shutdown()
        self.node.destroy_node()

    def ask(self, service: str, timeout_s: float) -> tuple[bool, str]:
        """Call a service without arguments.

        Args:
            service: Its name, relative to the namespace, e.g. ``supervisor/estop``.
            timeout_s: Longest wait for the service, and again for its answer [s].

        Returns:
            Whether it was done, and what the node says.

        Raises:
            NoAnswerError: The service is not there, or does not answer in time.
        """
        owner, name = service.partition('/')[0], self.node.resolve_service_name(service)
        client: Client[Any, Any] = self.node.create_client(Trigger, service)
        if not client.wait_for_service(timeout_sec=timeout_s):
            raise NoAnswerError(
                f'no {owner} offers {name} within {timeout_s:g} s; '
                f'{REMEDY.get(owner, "start a graph")}, or name the domain of the one that runs '
                'with --domain'
            )
        answer = client.call_async(Trigger.Request())
        end = time.monotonic() + timeout_s
        while not answer.done():
            if time.monotonic() > end:
                raise NoAnswerError(
                    f'{owner} has not answered {name} within {timeout_s:g} s; whether '
                    'it was done is not known: look with `simdist status`'
                )
            self.executor.spin_once(timeout_sec=PAUSE_S)
        response: Any = answer.result()
        return response.success, response.message

    def listen(self, timeout_s: float) -> Heard:
        """Hear how the nodes are, and what comes on each topic.

        Args:
            timeout_s: Longest wait for the first diagnostics [s].

        Raises:
            NoAnswerError: No node answers.
        """
        topics = {name: kind for name, kind in MESSAGES.items() if name != MODE}
        heard = Heard(topics={topic: TopicHealth() for topic in topics})
        self.node.create_subscription(
            DiagnosticArray, '/diagnostics', partial(self.on_diagnostics, heard), RECORDED
        )
        self.node.create_subscription(String, MODE, partial(self.on_mode, heard), LATCHED)
        for topic, kind in topics.items():
            note = partial(self.on_message, heard.topics[topic])
            self.node.create_subscription(kind, topic, note, ANY, raw=True)
        began = time.monotonic()
        end = began + timeout_s
        while time.monotonic() < end:
            before = bool(heard.nodes)
            self.executor.spin_once(timeout_sec=PAUSE_S)
            if heard.nodes and not before:
                end = time.monotonic() + REST_S
        heard.ended = time.monotonic()
        heard.seconds = heard.ended - began
        for topic, health in heard.topics.items():
            health.publishers = self.node.count_publishers(topic)
        leave_out_other_tasks(heard)
        for topic, sentence in other_types(self.node, heard.topics).items():
            heard.topics[topic].misfit = sentence
        if not heard.nodes and not any(h.publishers for h in heard.topics.values()):
            raise NoAnswerError(
                f'no graph was heard of within {timeout_s:g} s; start one, or name the domain of '
                'the one that runs with --domain'
            )
        return heard

    @staticmethod
    def on_diagnostics(heard: Heard, message: DiagnosticArray) -> None:
        """Keep the last that each node said."""
        for status in message.status:
            values = {pair.key: pair.value for pair in status.values}
            level = LEVELS.get(status.level, 'unknown')
            heard.nodes[status.name] = NodeHealth(level, status.message, values)

    @staticmethod
    def on_mode(heard: Heard, message: String) -> None:
        """Keep the mode."""
        heard.mode = message.data

    @staticmethod
    def on_message(health: TopicHealth, _: bytes) -> None:
        """Count a message, whatever it is."""
        health.last = time.monotonic()
        health.first = health.first or health.last
        health.messages += 1


def leave_out_other_tasks(heard: Heard) -> None:
    """Forget the commands of tasks that nobody asks for, but for the first where nobody asks."""
    asked = [topic for topic in OF_TASKS if heard.topics[topic].publishers]
    for topic in set(OF_TASKS) - set(asked or OF_TASKS[:1]):
        del heard.topics[topic]


@contextlib.contextmanager
def graph_client(namespace: str = '', domain: int | None = None) -> Iterator[GraphClient]:
    """Join a graph for one command.

    Args:
        namespace: Of the robot.
        domain: ROS domain; None takes that of the environment.
    """
    context = Context()
    rclpy.init(
        args=[], context=context, domain_id=domain, signal_handler_options=SignalHandlerOptions.NO
    )
    found = GraphClient(context, namespace)
    try:
        yield found
    finally:
        found.close()
        rclpy.try_shutdown(context=context)
