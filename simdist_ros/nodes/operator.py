"""Node that asks for one velocity, stamped like the state it answers; stands in for a driver."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

import numpy as np
from geometry_msgs.msg import TwistStamped
from rclpy.executors import Executor
from rclpy.node import Node

from simdist_ros.core.settings import Settings, setting
from simdist_ros.embodiment.observation import RobotState
from simdist_ros.embodiment.robot import load_robot
from simdist_ros.embodiment.sensors import MOTION
from simdist_ros.messages import topics
from simdist_ros.messages.to_messages import command_to_msg
from simdist_ros.nodes.other_publishers import refuse_other_publishers
from simdist_ros.nodes.parameters import declare, refuse_unknown
from simdist_ros.nodes.qos import RELIABLE
from simdist_ros.nodes.runtime import Stop, run, spin
from simdist_ros.nodes.state_subscriber import StateSubscriber
from simdist_ros.tasks.choice import task_of


@dataclass(frozen=True, kw_only=True)
class OperatorSettings(Settings):
    """The velocity asked for."""

    robot: str = setting('go2', 'Name or file of the robot.')
    vx: float = setting(0.5, 'Forward velocity.', unit='m/s')
    vy: float = setting(0.0, 'Velocity to the left.', unit='m/s')
    yaw_rate: float = setting(0.0, 'Turning rate, positive to the left.', unit='rad/s')
    heading_gain: float = setting(
        0.0,
        'Yaw rate per angle with which it turns the robot back to the heading of the start.',
        unit='1/s',
        low=0.0,
        high=5.0,
    )


class OperatorNode(Node):
    """Publishes ``cmd_vel`` in answer to each state of the robot."""

    def __init__(self) -> None:
        """Refuse a velocity that the robot cannot be asked for."""
        super().__init__('operator')
        created = time.monotonic()
        settings = declare(self, OperatorSettings)
        refuse_unknown(self)
        robot = load_robot(settings.robot)
        wanted = np.array([settings.vx, settings.vy, settings.yaw_rate])
        self.driver = task_of(robot).driver(wanted, settings.heading_gain)
        refuse_other_publishers(self, (topics.COMMAND_VELOCITY,), created)
        self.publisher = self.create_publisher(TwistStamped, topics.COMMAND_VELOCITY, RELIABLE)
        self.last = TwistStamped()
        self.states = StateSubscriber(
            self,
            robot,
            MOTION,
            self.on_state,
            qos=RELIABLE,
            period_ns=1,
            on_repeated=lambda stamp: self.publisher.publish(self.last),
        )

    def on_state(self, state: RobotState) -> None:
        """Ask for the velocity, with the state's stamp."""
        self.last = command_to_msg(state.stamp_ns, self.driver.command(state.orientation))
        self.publisher.publish(self.last)

    def work(self, executor: Executor, stop: Stop) -> int:
        """Spin."""
        return spin(executor, stop)

    def close(self) -> None:
        """Nothing is held outside the node."""


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run(OperatorNode, args)


if __name__ == '__main__':
    sys.exit(main())
