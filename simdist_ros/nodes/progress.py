"""Node that draws a progress bar: robot time, metres, and what a plan takes."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass

from diagnostic_msgs.msg import DiagnosticArray
from nav_msgs.msg import Odometry
from rclpy.executors import Executor
from rclpy.node import Node
from tqdm import tqdm

from simdist_ros.core.settings import Settings, setting
from simdist_ros.messages import topics
from simdist_ros.messages.to_messages import stamp_ns
from simdist_ros.nodes.parameters import declare, refuse_unknown
from simdist_ros.nodes.qos import RELIABLE, state_wanted
from simdist_ros.nodes.runtime import Stop, run, spin

FORMAT = '{desc} {percentage:3.0f}%|{bar}| {n:.1f}/{total:.0f} s [{elapsed}<{remaining}{postfix}]'
ENDLESS = '{desc} {n:.1f} s of walking [{elapsed}{postfix}]'


@dataclass(frozen=True, kw_only=True)
class ProgressSettings(Settings):
    """What the bar shows."""

    label: str = setting('robot', 'Text in front of the bar.')
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
        self.bar = tqdm(
            total=settings.duration_s or None,
            desc=settings.label,
            bar_format=FORMAT if settings.duration_s else ENDLESS,
            miniters=0,
        )
        self.start: tuple[int, float, float] | None = None
        self.plan_ms = math.nan
        self.create_subscription(
            Odometry, topics.GROUND_TRUTH, self.on_truth, state_wanted(lockstep=False)
        )
        self.create_subscription(DiagnosticArray, topics.PLANNER_TICK, self.on_tick, RELIABLE)

    def on_truth(self, message: Odometry) -> None:
        """Move the bar."""
        position = message.pose.pose.position
        if self.start is None:
            self.start = (stamp_ns(message), position.x, position.y)
        began, x, y = self.start
        distance = math.hypot(position.x - x, position.y - y)
        elapsed_s = 1e-9 * (stamp_ns(message) - began)
        if self.bar.total:
            elapsed_s = min(elapsed_s, self.bar.total)
        self.bar.set_postfix_str(f'{distance:.2f} m, plan {self.plan_ms:.0f} ms', refresh=False)
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
