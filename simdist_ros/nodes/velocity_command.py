"""The velocity that is wanted, as it was last asked for."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from geometry_msgs.msg import TwistStamped
from numpy.typing import NDArray

from simdist_ros.embodiment.observation import RobotState
from simdist_ros.embodiment.robot import Robot
from simdist_ros.messages.to_messages import stamp_ns, twist_array
from simdist_ros.tasks.choice import task_of

__all__ = ['VelocityCommand']

Array = NDArray[np.floating[Any]]

PATIENCE_S = 1.0  # of robot time by which a command that is still to come may be older


class VelocityCommand:
    """Keeps the last velocity asked for, within what the robot can do.

    Attributes:
        stamp_ns: Stamp of the last message; -1 for none [ns].
    """

    def __init__(
        self,
        robot: Robot,
        timeout_s: float,
        warn: Callable[[str, str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with standing still.

        Args:
            robot: Whose range of commands it is.
            timeout_s: Age at which a command counts as zero; infinite for never.
            warn: Logs a sentence on a subject, not too often.
            clock: Returns seconds.
        """
        self.task = task_of(robot)
        self.timeout_s, self.warn, self.clock = timeout_s, warn, clock
        self.velocity = self.task.first_command()
        self.received = -math.inf
        self.stamp_ns = -1

    def take(self, message: TwistStamped) -> None:
        """Take a message; beyond the robot's range it is clipped.

        NaN leaves the last velocity, which grows no younger by it: a sender that says nothing else
        is as good as silent.
        """
        velocity = twist_array(message)
        self.stamp_ns = stamp_ns(message)
        if not np.isfinite(velocity).all():
            self.warn('cmd_vel nan', 'cmd_vel is not finite; the last command stays')
            return
        goal = self.task.goal
        if np.any(velocity < goal.low) or np.any(velocity > goal.high):
            asked, bounds = velocity.tolist(), f'{goal.low.tolist()} .. {goal.high.tolist()}'
            self.warn('cmd_vel range', f'cmd_vel {asked} clipped to {bounds}')
        self.velocity = goal.clip(velocity)
        self.received = self.clock()

    def now(self) -> Array:
        """Return the velocity, zero once it is too old, (command_dim,)."""
        if self.clock() - self.received > self.timeout_s:
            return self.task.unasked(self.velocity)
        return self.velocity

    def why_no_answer(self, waiting: RobotState | None) -> str:
        """Say why a state waits for its command in lockstep; empty if it does not, or not long."""
        if waiting is None:
            return ''
        behind_s = 1e-9 * (waiting.stamp_ns - self.stamp_ns)
        if behind_s < PATIENCE_S and self.stamp_ns >= 0:
            return ''
        if self.stamp_ns < 0:
            return 'no plan: no cmd_vel has come; in lockstep each state waits for one'
        return (
            f'no plan: cmd_vel is stamped {behind_s:.3g} s before the state; in lockstep a '
            'command has the stamp of the state that it answers'
        )
