"""What is wanted of the robot, as it was last asked for."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.core.errors import SimdistError
from simdist_ros.embodiment.observation import RobotState
from simdist_ros.embodiment.robot import Robot
from simdist_ros.messages.from_messages import stamp_ns, wanted_from_msg
from simdist_ros.tasks.choice import task_of
from simdist_ros.tasks.goal import ROUNDING

__all__ = ['WantedCommand']

Array = NDArray[np.floating[Any]]

PATIENCE_S = 1.0  # of robot time by which a command that is still to come may be older


class WantedCommand:
    """Keeps the last command, within what the robot can be asked for.

    Attributes:
        task: What the commands are for.
        stamp_ns: Stamp of the last message; -1 for none [ns].
    """

    def __init__(
        self,
        robot: Robot,
        timeout_s: float,
        warn: Callable[[str, str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with what its task does unasked, e.g. standing still.

        Args:
            robot: Whose task and range of commands it is.
            timeout_s: Age at which nothing counts as asked any more; infinite for never.
            warn: Logs a sentence on a subject, not too often.
            clock: Returns seconds.
        """
        self.task = task_of(robot)
        self.timeout_s, self.warn, self.clock = timeout_s, warn, clock
        self.command = self.task.first_command()
        self.received = -math.inf
        self.stamp_ns = -1

    def take(self, message: Any) -> None:
        """Take a message; beyond the robot's range it is clipped, or refused by its task.

        NaN leaves the last command, which grows no younger by it: a sender that says nothing else
        is as good as silent.
        """
        topic = self.task.topic
        self.stamp_ns = stamp_ns(message)
        try:
            command = wanted_from_msg(self.task, message)
        except SimdistError as error:
            self.warn(f'{topic} misfit', f'{error}; the last command stays')
            return
        if not np.isfinite(command).all():
            self.warn(f'{topic} nan', f'{topic} is not finite; the last command stays')
            return
        goal, accepted = self.task.goal, self.task.accepted(command)
        asked, bounds = command.tolist(), f'{goal.low.tolist()} .. {goal.high.tolist()}'
        if accepted is None:
            why = f'{topic} {asked} is refused, it lies outside {bounds}; the last command stays'
            self.warn(f'{topic} range', why)
            return
        self.command = accepted
        if np.any(np.abs(accepted - command) > ROUNDING):
            self.warn(f'{topic} range', f'{topic} {asked} clipped to {bounds}')
        self.received = self.clock()

    def now(self) -> Array:
        """Return the command, or what the task does once it is too old, (command_dim,)."""
        if self.clock() - self.received > self.timeout_s:
            return self.task.unasked(self.command)
        return self.command

    def why_no_answer(self, waiting: RobotState | None) -> str:
        """Say why a state waits for its command in lockstep; empty if it does not, or not long."""
        if waiting is None:
            return ''
        behind_s = 1e-9 * (waiting.stamp_ns - self.stamp_ns)
        if behind_s < PATIENCE_S and self.stamp_ns >= 0:
            return ''
        topic = self.task.topic
        if self.stamp_ns < 0:
            return f'no plan: no {topic} has come; in lockstep each state waits for one'
        return (
            f'no plan: {topic} is stamped {behind_s:.3g} s before the state; in lockstep a '
            'command has the stamp of the state that it answers'
        )
