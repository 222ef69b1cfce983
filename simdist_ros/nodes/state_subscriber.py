"""Subscribes the topics of a robot's state and hands on each complete one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from functools import partial
from typing import Any

import numpy as np
from rclpy.node import Node
from rclpy.qos import QoSProfile

from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.observation import RobotState
from simdist_ros.embodiment.robot import Robot
from simdist_ros.embodiment.sensors import SENSORS, sensors_of
from simdist_ros.messages.from_messages import READERS
from simdist_ros.messages.state_assembler import StateAssembler
from simdist_ros.messages.to_messages import stamp_ns
from simdist_ros.messages.topics import JOINT_STATES, MESSAGES
from simdist_ros.nodes.throttle import ThrottledLog


class StateSubscriber:
    """Joins the topics of a robot's sensors by their stamps."""

    def __init__(
        self,
        node: Node,
        robot: Robot,
        parts: Collection[str],
        on_state: Callable[[RobotState], None],
        *,
        qos: QoSProfile,
        period_ns: int,
        height_map_max_age_s: float = 0.0,
        on_repeated: Callable[[int], None] = lambda stamp: None,
    ) -> None:
        """Subscribe.

        Args:
            node: Owner of the subscriptions.
            robot: Whose joints and grid to expect.
            parts: Which of `SENSORS` a state must have, as far as the robot has them.
            on_state: Called with each complete state.
            qos: Profile of the subscriptions.
            period_ns: Shortest time between two states.
            height_map_max_age_s: How far the map's stamp may be from the state's.
            on_repeated: Called with the stamp of a state that came again.
        """
        self.robot, self.node = robot, node
        self.on_state, self.on_repeated = on_state, on_repeated
        parts = [part for part in sensors_of(robot) if part in parts]
        half_period = robot.period_ns // 2
        tolerance = dict.fromkeys(parts, half_period)
        tolerance['height_map'] = max(half_period, round(1e9 * height_map_max_age_s))
        self.assembler = StateAssembler(parts, period_ns, tolerance)
        self.joint_pos: np.ndarray | None = None  # newest finite ones
        self.refused = 0
        self.heard: Counter[str] = Counter()  # by part, and states; since `why_no_state` asked
        self.misfits: dict[str, str] = {}  # by part, since then
        self.asked_stamp_ns = -1  # of the joints then
        self.log = ThrottledLog(node.get_logger())
        self.topics = tuple(SENSORS[part].topic for part in parts)
        self.subscriptions = [
            node.create_subscription(
                MESSAGES[SENSORS[part].topic],
                SENSORS[part].topic,
                self.guarded(part, partial(self.take, part)),
                qos,
            )
            for part in parts
        ]

    def guarded(self, part: str, handler: Callable) -> Callable:
        """Wrap a handler so that a message that does not fit is counted and named, not fatal."""

        def handle(message: object) -> None:
            try:
                handler(message)
            except ConfigError as error:
                self.refused += 1
                self.misfits[part] = str(error)
                self.log.error(part, str(error))

        return handle

    def take(self, part: str, message: Any) -> None:
        """Take a sensor's message."""
        stamp, values = stamp_ns(message), READERS[part](self.robot, message)
        if part == 'joints':
            if np.isfinite(values[0]).all():
                self.joint_pos = values[0]
            if stamp == self.assembler.last_stamp_ns:
                self.on_repeated(stamp)
        self.add(part, stamp, *values)

    def add(self, part: str, stamp: int, *values: np.ndarray) -> None:
        """Hand on the state that a part completes."""
        self.heard[part] += 1
        state = self.assembler.add(part, stamp, *values)
        if state is not None:
            self.heard['states'] += 1
            self.on_state(state)

    def why_no_state(self, *, in_lockstep: bool = False) -> str:
        """Say why no state was completed since this was last asked; empty if one was.

        Args:
            in_lockstep: A robot that has begun waits as long as it takes: its silence is no fault.
        """
        heard, misfits, asked_ns = self.heard, self.misfits, self.asked_stamp_ns
        why = self.assembler.why_unjoined()
        self.heard, self.misfits = Counter(), {}
        self.assembler.unjoined.clear()
        joints_ns, _ = self.assembler.newest.get('joints', (-1, ()))
        self.asked_stamp_ns = joints_ns
        if heard['states']:
            return ''
        may_wait = in_lockstep and self.assembler.last_stamp_ns is not None
        for part in self.assembler.wanted:
            if not heard[part] and (part in misfits or not may_wait):
                return f'no state: {misfits.get(part) or self.silence(SENSORS[part].topic)}'
        if why:
            return f'no state: {why}; stamp both with the time of the measurement'
        if joints_ns != asked_ns or may_wait:
            return ''
        name = self.node.resolve_topic_name(JOINT_STATES)
        return f'no state: the stamp of {name} stays {1e-9 * joints_ns:g} s; stamp each message'

    def silence(self, topic: str) -> str:
        """Say that a topic is silent, or that it has no publisher."""
        name = self.node.resolve_topic_name(topic)
        if self.node.count_publishers(topic):
            return f'no message comes on {name}'
        return f'no publisher of {name}'
