"""A PI controller around a robot's policy: the command is corrected by what sensors say of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.embodiment.observation import RobotState, proprio_obs
from simdist_ros.embodiment.observation_terms import proprio_obs_dim
from simdist_ros.embodiment.robot import Robot
from simdist_ros.planning.controller import Controller, PlannedTargets
from simdist_ros.planning.plan import NoPlan
from simdist_ros.planning.planner import Planner
from simdist_ros.tasks.choice import task_of
from simdist_ros.tasks.task import Task

__all__ = ['GoalFeedback', 'WithFeedback', 'can_be_corrected']

Array = NDArray[np.floating[Any]]
F32 = NDArray[np.float32]

PROPORTIONAL, INTEGRAL = 0.5, 0.6  # of the error; 1 and 1/s
FILTER_S = 0.2
STARTING_S = 1.0  # without the integral: until then the error is the start's


def can_be_corrected(robot: Robot) -> bool:
    """Tell whether sensors say anything of the numbers of a command, see `Task.measured`."""
    return bool(np.isfinite(task_of(robot).measured(np.zeros(proprio_obs_dim(robot)))).any())


class GoalFeedback:
    """Asks for more of each number of a command that is not reached, for less where beyond it.

    What is asked for is command + 0.5 e + 0.6 times the integral of e, for the error e of what is
    measured, filtered over 0.2 s. A number that no sensor tells is asked for as it is.
    """

    def __init__(self, task: Task) -> None:
        """Begin with nothing measured.

        Args:
            task: Measures the command and bounds what may be asked for.
        """
        self.task, self.period_s = task, task.robot.period_s
        self.most = 0.5 * (task.goal.high - task.goal.low)  # of the integral
        self.integral = np.zeros(task.goal.size)
        self.measured: Array | None = None
        self.time_s = 0.0

    def command(self, wanted: F32, proprio_obs: Array) -> F32:
        """Return what to ask for, (command_dim,).

        Args:
            wanted: The command to be followed, (command_dim,).
            proprio_obs: As observed now, (proprio_obs_dim,).
        """
        now = self.task.measured(proprio_obs)
        now = np.where(np.isfinite(now), now, wanted)
        if self.measured is None:
            self.measured = now
        self.measured = self.measured + self.period_s / FILTER_S * (now - self.measured)
        error = wanted - self.measured
        if self.time_s > STARTING_S:
            self.integral += INTEGRAL * error * self.period_s
            self.integral = np.clip(self.integral, -self.most, self.most)
        self.time_s += self.period_s
        asked = self.task.goal.clip(wanted + PROPORTIONAL * error + self.integral)
        return asked.astype(np.float32)


class WithFeedback(Controller):
    """A controller that is told what a `GoalFeedback` makes of the command."""

    def __init__(self, robot: Robot, planner: Planner) -> None:
        """Begin with an empty history."""
        super().__init__(robot, planner)
        self.feedback = GoalFeedback(task_of(robot))

    def tick(self, state: RobotState, command: F32) -> PlannedTargets | NoPlan:
        """Plan from a new state."""
        seen = proprio_obs(self.robot, state, command)
        return super().tick(state, self.feedback.command(command, seen))
