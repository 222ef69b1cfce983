"""Node that asks for one velocity, stamped like the state it answers; stands in for a teleop."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
from geometry_msgs.msg import TwistStamped
from rclpy.executors import Executor
from rclpy.node import Node
from sensor_msgs.msg import JointState

from simdist_ros.core.robot import load_robot
from simdist_ros.core.settings import Settings, setting
from simdist_ros.nodes import topics
from simdist_ros.nodes.messages import command_to_msg, stamp_ns
from simdist_ros.nodes.parameters import declare, refuse_unknown
from simdist_ros.nodes.qos import RELIABLE
from simdist_ros.nodes.runtime import Stop, run, spin


@dataclass(frozen=True, kw_only=True)
class OperatorSettings(Settings):
    """The velocity asked for."""

    robot: str = setting('go2', 'Name or file of the robot.')
    vx: float = setting(0.5, 'Forward velocity.', unit='m/s')
    vy: float = setting(0.0, 'Velocity to the left.', unit='m/s')
    yaw_rate: float = setting(0.0, 'Turning rate, positive to the left.', unit='rad/s')


class OperatorNode(Node):
    """Publishes ``cmd_vel`` in answer to each state of the robot."""

    def __init__(self) -> None:
        """Refuse a velocity that the robot cannot be asked for."""
        super().__init__('operator')
        settings = declare(self, OperatorSettings)
        refuse_unknown(self)
        robot = load_robot(settings.robot)
        wanted = np.array([settings.vx, settings.vy, settings.yaw_rate])
        self.command = robot.check_command(wanted)
        self.publisher = self.create_publisher(TwistStamped, topics.COMMAND_VELOCITY, RELIABLE)
        self.create_subscription(JointState, topics.JOINT_STATES, self.on_state, RELIABLE)

    def on_state(self, message: JointState) -> None:
        """Ask for the velocity, with the state's stamp."""
        self.publisher.publish(command_to_msg(stamp_ns(message), self.command))

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
