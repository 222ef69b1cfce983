"""Subscribes the topics of a robot's state and hands on each complete one."""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np
from nav_msgs.msg import Odometry
from rclpy.node import Node
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image, Imu, JointState

from simdist_ros.core.errors import ConfigError
from simdist_ros.core.observation import RobotState
from simdist_ros.core.robot import Robot
from simdist_ros.nodes import topics
from simdist_ros.nodes.messages import (
    height_map_from_msg,
    imu_from_msg,
    joint_state_from_msg,
    stamp_ns,
)
from simdist_ros.nodes.throttle import ThrottledLog
from simdist_ros.transitions.message_arrays import odometry_from_msg
from simdist_ros.transitions.state_assembler import StateAssembler


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
        self.robot = robot
        self.on_state, self.on_repeated = on_state, on_repeated
        half_period = robot.period_ns // 2
        tolerance = dict.fromkeys(parts, half_period)
        tolerance['height_map'] = max(half_period, round(1e9 * height_map_max_age_s))
        self.assembler = StateAssembler(parts, period_ns, tolerance)
        self.joint_pos: np.ndarray | None = None  # newest finite ones
        self.refused = 0
        self.log = ThrottledLog(node.get_logger())
        handlers = {
            'joints': (JointState, topics.JOINT_STATES, self.on_joints),
            'imu': (Imu, topics.IMU, self.on_imu),
            'odom': (Odometry, topics.ODOM, self.on_odom),
            'height_map': (Image, topics.HEIGHT_MAP, self.on_height_map),
        }
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
        state = self.assembler.add(part, stamp, *values)
        if state is not None:
            self.on_state(state)
