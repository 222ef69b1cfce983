"""Node that draws a progress bar: robot time, where the robot is, and what a plan takes."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from nav_msgs.msg import Odometry
from numpy.typing import NDArray
from rclpy.executors import Executor
from rclpy.node import Node
from sensor_msgs.msg import JointState
from tqdm import tqdm

from simdist_ros.core.settings import Settings, setting
from simdist_ros.embodiment.robot import load_robot
from simdist_ros.messages import topics
from simdist_ros.messages.from_messages import joint_state_from_msg
from simdist_ros.messages.to_messages import stamp_ns
from simdist_ros.nodes.parameters import declare, refuse_unknown
from simdist_ros.nodes.qos import RELIABLE, state_wanted
from simdist_ros.nodes.runtime import Stop, run, spin
from simdist_ros.tasks.choice import task_of

Array = NDArray[np.floating[Any]]

FORMAT = '{desc} {percentage:3.0f}%|{bar}| {n:.1f}/{total:.0f} s [{elapsed}<{remaining}{postfix}]'
ENDLESS = '{desc} {n:.1f} s of robot time [{elapsed}{postfix}]'


@dataclass(frozen=True, kw_only=True)
class ProgressSettings(Settings):
    """What the bar shows."""

    robot: str = setting('go2', 'Name or file of the robot.')
    task: str = setting('', 'What it is to do; empty is the first task that the robot names.')
    duration_s: float = setting(
        10.0, 'Robot time that is 100 %; 0: there is no end.', unit='s', low=0.0
    )


class ProgressNode(Node):
    """Reads the ground truth and the planner's ticks."""

    def __init__(self) -> None:
        """Open the bar."""
        super().__init__('progress')
        settings = declare(self, ProgressSettings)
        refuse_unknown(self)
        self.robot = load_robot(settings.robot, settings.task)
        self.task = task_of(self.robot)
        self.bar = tqdm(
            total=settings.duration_s or None,
            desc=self.robot.name,
            bar_format=FORMAT if settings.duration_s else ENDLESS,
            miniters=0,
        )
        self.start: tuple[int, Array] | None = None
        self.joint_pos: Array | None = None
        self.plan_ms = math.nan
        self.create_subscription(
            Odometry, topics.GROUND_TRUTH, self.on_truth, state_wanted(lockstep=False)
        )
        self.create_subscription(
            JointState, topics.JOINT_STATES, self.on_joints, state_wanted(lockstep=False)
        )
        self.create_subscription(DiagnosticArray, topics.PLANNER_TICK, self.on_tick, RELIABLE)

    def on_joints(self, message: JointState) -> None:
        """Remember where the joints are."""
        self.joint_pos = joint_state_from_msg(self.robot, message)[0]

    def on_truth(self, message: Odometry) -> None:
        """Move the bar."""
        point = message.pose.pose.position
        position = np.array([point.x, point.y, point.z])
        if self.start is None:
            self.start = (stamp_ns(message), position)
        began, start = self.start
        elapsed_s = 1e-9 * (stamp_ns(message) - began)
        if self.bar.total:
            elapsed_s = min(elapsed_s, self.bar.total)
        if self.joint_pos is not None:
            where = self.task.where(position - start, self.joint_pos)
            self.bar.set_postfix_str(f'{where}, plan {self.plan_ms:.0f} ms', refresh=False)
        self.bar.update(elapsed_s - self.bar.n)

    def on_tick(self, message: DiagnosticArray) -> None:
        """Remember what the last plan took."""
        values = {pair.key: pair.value for pair in message.status[0].values}
        self.plan_ms = float(values['plan_ms'])

    def work(self, executor: Executor, stop: Stop) -> int:
        """Spin."""
        return spin(executor, stop)

    def close(self) -> None:
        """Leave the bar as it stands."""
        self.bar.close()


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run(ProgressNode, args)


if __name__ == '__main__':
    sys.exit(main())
