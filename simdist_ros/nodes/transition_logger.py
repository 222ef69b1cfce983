"""Node that records the graph's topics, raw, into a rosbag2 (MCAP)."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.executors import Executor
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.subscription import Subscription

from simdist_ros.core.errors import ConfigError
from simdist_ros.core.settings import Settings, setting
from simdist_ros.embodiment.robot import load_robot
from simdist_ros.messages.to_messages import diagnostics
from simdist_ros.messages.topics import JOINT_STATES, MODE, recorded_topics
from simdist_ros.nodes.inputs import Inputs
from simdist_ros.nodes.parameters import declare, refuse_unknown
from simdist_ros.nodes.qos import RECORDED, RELIABLE
from simdist_ros.nodes.runtime import Stop, run, spin
from simdist_ros.transitions.bags.recorded_topic import Topic
from simdist_ros.transitions.bags.writer import BagWriter

NICENESS = 5  # queues hold minutes; control must not wait for a recorder


@dataclass(frozen=True, kw_only=True)
class TransitionLoggerSettings(Settings):
    """Where to record, and what the bag says of itself."""

    folder: str = setting('', 'Folder of the bag; it must not exist.')
    robot: str = setting('go2', 'Name or file of the robot.')
    task: str = setting('', 'What it is to do; empty is the first task that the robot names.')
    model: str = setting('', 'Model that plans, noted in the bag.')
    world: str = setting('', 'World of the stand-in, noted in the bag.')


class TransitionLoggerNode(Node):
    """Hands each serialized message to a writer thread; callbacks never touch the disk."""

    def __init__(self) -> None:
        """Open the bag and subscribe."""
        super().__init__('transition_logger')
        settings = declare(self, TransitionLoggerSettings)
        refuse_unknown(self)
        if not settings.folder:
            raise ConfigError("no bag was named; set 'folder' to a folder that does not exist")
        robot = load_robot(settings.robot, settings.task)
        self.topics = recorded_topics(robot)
        info = {
            'robot': robot.name,
            'model': settings.model,
            'world': settings.world,
        }
        self.names = {name: self.resolve_topic_name(name) for name in self.topics}
        self.writer = BagWriter(Path(settings.folder), self.described(), info)
        self.lost_on_the_way: Counter[str] = Counter()
        self.last_failure = ''
        self.recorders: dict[str, Subscription] = {}
        # Last the one whose subscribers the stand-in waits for: then all others are announced too.
        for name in sorted(self.topics, key=JOINT_STATES.__eq__):
            self.record(name, ReliabilityPolicy.RELIABLE)
        self.diagnostics_publisher = self.create_publisher(
            DiagnosticArray, '/diagnostics', RELIABLE
        )
        self.needed = Inputs(self, self.topics)
        self.create_timer(1.0, self.check, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def described(self) -> list[Topic]:
        """List the topics as the bag names them."""
        return [
            Topic(
                name=self.names[name],
                type=kind.__module__.split('.')[0] + '/msg/' + kind.__name__,
                transient_local=name == MODE,
            )
            for name, kind in self.topics.items()
        ]

    def record(self, name: str, reliability: ReliabilityPolicy) -> None:
        """Subscribe to one topic, instead of an earlier subscription of it if there is one."""
        if name in self.recorders:
            self.destroy_subscription(self.recorders[name])
        profile = QoSProfile(depth=RECORDED.depth, reliability=reliability)
        if name == MODE:
            profile.durability = DurabilityPolicy.TRANSIENT_LOCAL
        topic = self.names[name]
        self.recorders[name] = self.create_subscription(
            self.topics[name],
            topic,
            partial(self.on_message, topic),
            profile,
            event_callbacks=SubscriptionEventCallbacks(
                message_lost=partial(self.on_lost, topic), use_default_callbacks=False
            ),
            raw=True,
        )

    def on_message(self, topic: str, data: bytes) -> None:
        """Enqueue a message with the time of its arrival."""
        self.writer.put(topic, time.time_ns(), data)

    def on_lost(self, topic: str, event: object) -> None:
        """Count what the middleware lost on the way here."""
        self.lost_on_the_way[topic] += event.total_count_change  # type: ignore[attr-defined]

    def check(self) -> None:
        """Adapt to best-effort publishers, report losses and a failing disk."""
        for name, subscription in list(self.recorders.items()):
            offers = self.get_publishers_info_by_topic(self.names[name])
            best_effort = ReliabilityPolicy.BEST_EFFORT
            is_offered = any(o.qos_profile.reliability == best_effort for o in offers)
            if is_offered and subscription.qos_profile.reliability != best_effort:
                self.record(name, best_effort)
        self.publish_diagnostics()

    def publish_diagnostics(self) -> None:
        """Publish what was written and what was lost."""
        lost = self.writer.lost + self.lost_on_the_way
        failure = self.writer.failure
        if failure and failure != self.last_failure:
            self.get_logger().error(failure)
            self.last_failure = failure
        level = DiagnosticStatus.ERROR if failure else DiagnosticStatus.OK
        why = self.needed.look()
        if (lost or why) and not failure:
            level = DiagnosticStatus.WARN
        written = sum(self.writer.written.values())
        values = {'bag': str(self.writer.folder), 'written': written, 'lost': lost.total()}
        values |= {f'lost_{topic}': count for topic, count in lost.items()}
        summary = failure or why or f'{written} messages written, {lost.total()} lost'
        stamp = self.get_clock().now().to_msg()
        self.diagnostics_publisher.publish(
            diagnostics(stamp, 'transition_logger', summary, values, level)
        )

    def work(self, executor: Executor, stop: Stop) -> int:
        """Spin behind the processes that control, then take what still waits in the queues."""
        os.nice(NICENESS)
        code = spin(executor, stop)
        drained = time.monotonic() + 0.1
        while time.monotonic() < drained:
            executor.spin_once(timeout_sec=0.02)
        return code

    def close(self) -> None:
        """Finish the bag and say what it holds."""
        self.writer.close(timeout_s=1.0)
        lost = self.writer.lost + self.lost_on_the_way
        written = sum(self.writer.written.values())
        self.get_logger().info(
            f'{self.writer.folder}: {written} messages, {lost.total()} lost'
            + (f' ({dict(lost)})' if lost else '')
        )


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run(TransitionLoggerNode, args)


if __name__ == '__main__':
    sys.exit(main())
