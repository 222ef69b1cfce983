"""A robot and its operator, made by a test: they publish what they are told to, right or wrong."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
from geometry_msgs.msg import TwistStamped
from nav_msgs.msg import Odometry
from rclpy.publisher import Publisher
from sensor_msgs.msg import Image, Imu, JointState
from trajectory_msgs.msg import JointTrajectory

from simdist_ros.embodiment.observation import RobotState
from simdist_ros.embodiment.robot import Robot
from simdist_ros.messages import to_messages as messages
from simdist_ros.messages import topics
from simdist_ros.nodes.qos import COMMAND, RELIABLE

from .running import Observer

REPEAT_S = 0.5
VELOCITY = np.array([0.3, 0.0, 0.0])

TYPES = {
    topics.COMMAND_VELOCITY: TwistStamped,
    topics.HEIGHT_MAP: Image,
    topics.IMU: Imu,
    topics.ODOM: Odometry,
    topics.JOINT_STATES: JointState,
}

Mend = Callable[[dict[str, Any]], None]


class HandmadeRobot:
    """Stands still, whatever it is told, and answers in lockstep.

    Attributes:
        plans: All plans that were heard.
        commands: All joint commands that were heard.
    """

    def __init__(self, robot: Robot, observer: Observer) -> None:
        self.robot, self.observer = robot, observer
        self.tick_count = 0
        self.publishers = {
            topic: observer.node.create_publisher(kind, topic, RELIABLE)
            for topic, kind in TYPES.items()
        }
        self.plans = observer.listen(JointTrajectory, topics.PLAN)
        self.commands = observer.listen(JointTrajectory, topics.JOINT_COMMAND)

    @cached_property
    def plan_publisher(self) -> Publisher:
        """Publishes plans; made when first used, since a planner tolerates no other."""
        return self.observer.node.create_publisher(JointTrajectory, topics.PLAN, COMMAND)

    @property
    def stamp(self) -> int:
        """Stamp of the coming state [ns]."""
        return self.tick_count * self.robot.period_ns

    def state(self, **changes: Any) -> RobotState:
        """Return the coming state: standing, at rest, on level ground."""
        assert self.robot.height_map is not None
        standing = RobotState(
            stamp_ns=self.stamp,
            joint_pos=self.robot.per_joint('stand'),
            joint_vel=np.zeros(self.robot.num_joints),
            orientation=np.array([1.0, 0.0, 0.0, 0.0]),
            angular_velocity=np.zeros(3),
            linear_velocity=np.zeros(3),
            height_map=np.full(self.robot.height_map.size, 0.3),
        )
        return replace(standing, **changes)

    def messages_of(self, state: RobotState, velocity: np.ndarray) -> dict[str, Any]:
        """Return what is published for a state, by topic, the joints last."""
        odometry = messages.odometry_to_msg(
            state.stamp_ns,
            np.zeros(3),
            state.orientation,
            state.linear_velocity,
            state.angular_velocity,
        )
        assert self.robot.height_map is not None
        return {
            topics.COMMAND_VELOCITY: messages.command_to_msg(state.stamp_ns, velocity),
            topics.HEIGHT_MAP: messages.height_map_to_msg(self.robot.height_map, state),
            topics.IMU: messages.imu_to_msg(state),
            topics.ODOM: odometry,
            topics.JOINT_STATES: messages.joint_state_to_msg(self.robot, state),
        }

    def publish(
        self, break_it: Mend | None = None, velocity: np.ndarray = VELOCITY, **changes: Any
    ) -> int:
        """Publish the coming state and return its stamp; the tick is not over with that.

        Args:
            break_it: Changes the messages, by topic, before they are sent.
            velocity: What the operator asks for.
            **changes: Fields of the state that differ.
        """
        sent = self.messages_of(self.state(**changes), velocity)
        if break_it is not None:
            break_it(sent)
        for topic, message in sent.items():
            self.publishers[topic].publish(message)
        return self.stamp

    def tick(self, wants_plan: bool = True, **arguments: Any) -> int:
        """Publish the coming state until it is answered, with a plan too; return its stamp."""
        published = 0.0

        def is_answered() -> bool:
            nonlocal published
            if time.monotonic() - published > REPEAT_S:
                self.publish(**arguments)
                published = time.monotonic()
            has_plan = not wants_plan or self.plan_of(self.stamp) is not None
            return has_plan and self.command_of(self.stamp) is not None

        stamp = self.stamp
        self.observer.until(is_answered, f'the state of {1e-9 * stamp:.2f} s is answered')
        self.tick_count += 1
        return stamp

    def plan_of(self, stamp: int) -> JointTrajectory | None:
        """Return the plan for a stamp."""
        return newest(self.plans, stamp)

    def command_of(self, stamp: int) -> JointTrajectory | None:
        """Return the newest joint command for a stamp."""
        return newest(self.commands, stamp)


def newest(heard: list[JointTrajectory], stamp: int) -> JointTrajectory | None:
    """Return the message of a stamp that was heard last."""
    return next((m for m in reversed(heard) if messages.stamp_ns(m) == stamp), None)
