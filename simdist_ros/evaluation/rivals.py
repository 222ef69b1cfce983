"""What a planner has to beat: the expert, the policy head, and each with a PI on its velocity."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from simdist_ros.core.errors import ConfigError, unknown_name
from simdist_ros.embodiment.command import JointCommand
from simdist_ros.embodiment.observation import RobotState
from simdist_ros.embodiment.robot import Robot
from simdist_ros.evaluation.closed_loop import closed_loop
from simdist_ros.evaluation.planned_walk import PlannedWalk
from simdist_ros.evaluation.progress import Progress, measure_progress
from simdist_ros.evaluation.settings import NONE, RIVALS
from simdist_ros.evaluation.walk import summarise
from simdist_ros.evaluation.walk_scoring import WalkReward
from simdist_ros.planning.controller import Controller, PlannedTargets
from simdist_ros.planning.plan import NoPlan
from simdist_ros.planning.planner import Planner
from simdist_ros.planning.settings import MppiSettings
from simdist_ros.sim.simulated_robot import SimulatedRobot, TrueState
from simdist_ros.tasks.step import Scoring
from simdist_ros.tasks.velocity.settings import velocity_goal
from simdist_ros.world_model.model import WorldModel

__all__ = ['METHODS', 'RivalResult', 'SpeedController', 'judge_rival', 'search_of']

F32 = NDArray[np.float32]

METHODS = (*RIVALS, NONE)
WITH_PI = '_pi'
PROPORTIONAL, INTEGRAL = 0.5, 0.6  # of the error of the speed ahead; 1 and 1/s
FILTER_S = 0.2
STARTING_S = 1.0  # without the integral: until then the error is the start's
LARGEST_INTEGRAL_MPS = 1.0


class SpeedController:
    """Asks for more where a robot is slower ahead than it was told, and for less where faster."""

    def __init__(self, robot: Robot) -> None:
        """Begin at rest."""
        self.period_s, self.highest = robot.period_s, velocity_goal(robot).high[0]
        self.speed = self.integral = self.time_s = 0.0

    def command(self, wanted: F32, measured_mps: float) -> F32:
        """Return what to ask for.

        Args:
            wanted: The command to be followed, speed ahead first, (command_dim,).
            measured_mps: Speed ahead as the robot measures it [m/s].
        """
        self.speed += self.period_s / FILTER_S * (measured_mps - self.speed)
        error = float(wanted[0]) - self.speed
        if self.time_s > STARTING_S:
            self.integral += INTEGRAL * error * self.period_s
            self.integral = float(
                np.clip(self.integral, -LARGEST_INTEGRAL_MPS, LARGEST_INTEGRAL_MPS)
            )
        self.time_s += self.period_s
        asked: F32 = wanted.copy()
        asked[0] = np.clip(wanted[0] + PROPORTIONAL * error + self.integral, 0.0, self.highest)
        return asked


class WithPi(Controller):
    """A controller that is told what a `SpeedController` makes of the command."""

    def __init__(self, robot: Robot, planner: Planner) -> None:
        """Begin at rest, with an empty history."""
        super().__init__(robot, planner)
        self.pi = SpeedController(robot)

    def tick(self, state: RobotState, command: F32) -> PlannedTargets | NoPlan:
        """Plan from a new state."""
        return super().tick(state, self.pi.command(command, float(state.linear_velocity[0])))


@dataclass(frozen=True, kw_only=True)
class RivalResult:
    """What came of a walk.

    Attributes:
        progress: How far it got.
        tracking_error_mps: See `WalkResult`; of what was wanted, not of what a PI made of it.
        reward_per_s: The reward that training maximises, likewise; nothing is earned after a fall.
            NaN for a robot without a recipe.
    """

    progress: Progress
    tracking_error_mps: float
    reward_per_s: float


def search_of(method: str, mppi: MppiSettings, model: WorldModel) -> MppiSettings:
    """Return the planner's settings with which it does what a rival does.

    Raises:
        ConfigError: There is no such method, or the model carries no expert.
    """
    if method not in METHODS:
        raise ConfigError(unknown_name('method', method, METHODS))
    if method == NONE:
        return mppi
    is_expert = method.removesuffix(WITH_PI) == 'expert'
    if is_expert and model.expert is None:
        raise ConfigError(
            f'method {method!r} needs a model that carries its expert, and this one does not; '
            'leave the method out or train the model with `simdist pretrain`'
        )
    return dataclasses.replace(mppi, num_iterations=0, uses_expert=is_expert)


def judge_rival(
    robot: Robot,
    scoring: Scoring | None,
    model: WorldModel,
    mppi: MppiSettings,
    method: str,
    asked: PlannedWalk,
) -> RivalResult:
    """Walk until the time is over or the robot falls.

    Raises:
        ConfigError: There is no such method, or the model carries no expert.
    """
    simulation = SimulatedRobot(robot, asked.world, asked.seed)
    generator = torch.Generator().manual_seed(asked.seed)
    planner = Planner(model, search_of(method, mppi, model), generator)
    walker = (WithPi if method.endswith(WITH_PI) else Controller)(robot, planner)
    reward = None if scoring is None else WalkReward(robot, scoring, simulation)
    earned = math.nan if reward is None else 0.0
    truths: list[TrueState] = []
    executed: JointCommand | None = None
    wanted: F32 = np.zeros(velocity_goal(robot).size, dtype=np.float32)
    steps = round(asked.seconds * robot.control_rate_hz)
    for tick in closed_loop(simulation, walker, asked.driver(robot), steps):
        truths.append(tick.truth)
        if tick.truth.has_fallen:
            break
        if reward is not None and executed is not None:
            earned += reward.step(wanted, executed)
        wanted, executed = tick.velocity, tick.command
    ahead: F32 = np.zeros(velocity_goal(robot).size, dtype=np.float32)
    ahead[0] = asked.speed
    found = summarise(robot, ahead, truths, steps, earned, [])
    return RivalResult(
        progress=measure_progress(robot, asked, truths),
        tracking_error_mps=found.command_error,
        reward_per_s=found.reward_per_s,
    )
