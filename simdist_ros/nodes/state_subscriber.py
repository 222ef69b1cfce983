"""Subscribes the topics of a robot's state and hands on each complete one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection

import numpy as np
from nav_msgs.msg import Odometry
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image, Imu, JointState

from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.observation import RobotState
from simdist_ros.embodiment.robot import Robot
from simdist_ros.messages import topics
from simdist_ros.messages.from_messages import odometry_from_msg
from simdist_ros.messages.state_assembler import TOPICS, StateAssembler
from simdist_ros.messages.to_messages import (
    height_map_from_msg,
    imu_from_msg,
    joint_state_from_msg,
    stamp_ns,
)
from simdist_ros.nodes.throttle import ThrottledLog


class StateSubscriber:
    """Joins ``joint_states``, ``imu/data``, ``odom`` and ``height_map`` by their stamps."""

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
            parts: Which parts a state must have.
            on_state: Called with each complete state.
            qos: Profile of the subscriptions.
            period_ns: Shortest time between two states.
            height_map_max_age_s: How far the map's stamp may be from the state's.
            on_repeated: Called with the stamp of a state that came again.
        """
        self.robot, self.node = robot, node
        self.on_state, self.on_repeated = on_state, on_repeated
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
        handlers = {
            'joints': (JointState, topics.JOINT_STATES, self.on_joints),
            'imu': (Imu, topics.IMU, self.on_imu),
            'odom': (Odometry, topics.ODOM, self.on_odom),
            'height_map': (Image, topics.HEIGHT_MAP, self.on_height_map),
        }
        self.topics = tuple(TOPICS[part] for part in parts)
        self.subscriptions = [
            node.create_subscription(kind, topic, self.guarded(part, handler), qos)
            for part, (kind, topic, handler) in handlers.items()
            if part in parts
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

    def on_joints(self, message: JointState) -> None:
        """Take joint positions and velocities."""
        positions, velocities = joint_state_from_msg(self.robot, message)
        if np.isfinite(positions).all():
            self.joint_pos = positions
        stamp = stamp_ns(message)
        if stamp == self.assembler.last_stamp_ns:
            self.on_repeated(stamp)
        self.add('joints', stamp, positions, velocities)

    def on_imu(self, message: Imu) -> None:
        """Take orientation and angular velocity."""
        self.add('imu', stamp_ns(message), *imu_from_msg(message))

    def on_odom(self, message: Odometry) -> None:
        """Take the linear velocity, which is in the base frame (REP 105)."""
        _, linear = odometry_from_msg(message)
        self.add('odom', stamp_ns(message), linear)

    def on_height_map(self, message: Image) -> None:
        """Take the ground around the robot."""
        assert self.robot.height_map is not None
        self.add(
            'height_map', stamp_ns(message), height_map_from_msg(self.robot.height_map, message)
        )

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
                return f'no state: {misfits.get(part) or self.silence(TOPICS[part])}'
        if why:
            return f'no state: {why}; stamp both with the time of the measurement'
        if joints_ns != asked_ns or may_wait:
            return ''
        name = self.node.resolve_topic_name(topics.JOINT_STATES)
        return f'no state: the stamp of {name} stays {1e-9 * joints_ns:g} s; stamp each message'

    def silence(self, topic: str) -> str:
        """Say that a topic is silent, or that it has no publisher."""
        name = self.node.resolve_topic_name(topic)
        if self.node.count_publishers(topic):
            return f'no message comes on {name}'
        return f'no publisher of {name}'
