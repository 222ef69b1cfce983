"""Node that asks for one thing, stamped like the state it answers; stands in for a driver."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

from rclpy.executors import Executor
from rclpy.node import Node

from simdist_ros.core.settings import Settings, setting
from simdist_ros.embodiment.observation import RobotState
from simdist_ros.embodiment.robot import load_robot
from simdist_ros.embodiment.sensors import MOTION
from simdist_ros.messages import topics
from simdist_ros.messages.to_messages import wanted_to_msg
from simdist_ros.nodes.other_publishers import refuse_other_publishers
from simdist_ros.nodes.parameters import declare, refuse_unknown
from simdist_ros.nodes.qos import RELIABLE
from simdist_ros.nodes.runtime import Stop, run, spin
from simdist_ros.nodes.state_subscriber import StateSubscriber
from simdist_ros.tasks.choice import task_of


@dataclass(frozen=True, kw_only=True)
class OperatorSettings(Settings):
    """What is asked for."""

    robot: str = setting('go2', 'Name or file of the robot.')
    task: str = setting('', 'What it is to do; empty is the first task that the robot names.')
    goal: tuple[float, ...] = setting(
        (), 'Numbers of the command; empty is vx, vy, yaw_rate, or what the task begins with.'
    )
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
    """Publishes the topic of the robot's task in answer to each of its states."""

    def __init__(self) -> None:
        """Refuse what the robot cannot be asked for."""
        super().__init__('operator')
        created = time.monotonic()
        settings = declare(self, OperatorSettings)
        refuse_unknown(self)
        robot = load_robot(settings.robot, settings.task)
        self.task = task_of(robot)
        wanted = self.task.asked(settings.goal, (settings.vx, settings.vy, settings.yaw_rate))
        self.driver = self.task.driver(wanted, settings.heading_gain)
        topic = self.task.topic
        refuse_other_publishers(self, (topic,), created)
        self.publisher = self.create_publisher(topics.MESSAGES[topic], topic, RELIABLE)
        self.last = topics.MESSAGES[topic]()
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
        """Ask for it, with the state's stamp."""
        command = self.driver.command(state.orientation)
        self.last = wanted_to_msg(self.task, state.stamp_ns, command)
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
