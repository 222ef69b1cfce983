"""One walk in closed loop: a model, a world, a command, a seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from simdist_ros.embodiment.command import JointCommand
from simdist_ros.embodiment.history import History
from simdist_ros.embodiment.observation import RobotState, extero_obs
from simdist_ros.embodiment.robot import Robot
from simdist_ros.evaluation.closed_loop import Walker, closed_loop
from simdist_ros.evaluation.settings import evaluation_world
from simdist_ros.evaluation.walk_scoring import WalkReward
from simdist_ros.sim.simulated_robot import SimulatedRobot, TrueState
from simdist_ros.tasks.choice import task_of
from simdist_ros.tasks.step import Scoring
from simdist_ros.tasks.task import Steady
from simdist_ros.world_model.model import WorldModel
from simdist_ros.world_model.returns import discounted_return

__all__ = ['MakeWalker', 'Walk', 'WalkResult', 'predicted_return', 'walk']

Array = NDArray[np.floating[Any]]

VALUE_INTERVAL = 5  # ticks between predictions of the value


# Of a model folder, its robot, samples, iterations (0 is the policy head) and a seed.
MakeWalker = Callable[[Path, Robot, int, int, int], tuple[Walker, WorldModel]]


@dataclass(frozen=True, kw_only=True)
class Walk:
    """What is tried; `num_iterations` 0 is the policy head, unless it is the expert."""

    world: str
    speed: float
    seed: int
    seconds: float
    num_samples: int
    num_iterations: int
    is_expert: bool = False

    @property
    def controller(self) -> str:
        """What walks."""
        if self.is_expert:
            return 'expert'
        return 'planner' if self.num_iterations else 'policy'


@dataclass(frozen=True, kw_only=True)
class WalkResult:
    """What came of it.

    Attributes:
        distance_m: From the start, along the ground.
        command_error: Mean distance from the command after the first second, see `Task.error`: of
            a velocity [m/s], of a place [m]; NaN for a walk that ended before.
        fell: Whether it fell.
        lasted_s: Until it fell, or the end.
        reward_per_s: The reward that training maximises, over the whole time of the walk: nothing
            is earned after a fall.
        values: Predicted return every `VALUE_INTERVAL` ticks; none without a model.
    """

    distance_m: float
    command_error: float
    fell: bool
    lasted_s: float
    reward_per_s: float
    values: list[float]


def walk(
    robot: Robot, scoring: Scoring, walker: Walker, model: WorldModel | None, task: Walk
) -> WalkResult:
    """Walk until the time is over or the robot falls."""
    world = evaluation_world(task.world, is_pushed=robot.has_free_base)
    simulation = SimulatedRobot(robot, world, task.seed)
    command = task_of(robot).trial(task.speed, task.seed).astype(np.float32)
    reward = WalkReward(robot, scoring, simulation)
    steps = round(task.seconds * robot.control_rate_hz)
    truths: list[TrueState] = []
    earned, values = 0.0, []
    executed: JointCommand | None = None
    for tick in closed_loop(simulation, walker, Steady(command), steps):
        truths.append(tick.truth)
        if tick.truth.has_fallen:
            break
        if executed is not None:
            earned += reward.step(command, executed)
        executed = tick.command
        if (
            model is not None
            and tick.state
            and tick.step < steps
            and not tick.step % VALUE_INTERVAL
        ):
            values.append(predicted_return(model, robot, walker.history, tick.state, command))
    return summarise(robot, command, truths, steps, earned, values)


@torch.inference_mode()
def predicted_return(
    model: WorldModel,
    robot: Robot,
    history: History,
    state: RobotState,
    command: NDArray[np.float32],
) -> float:
    """Return what the model expects of its own policy from here on, in raw units."""
    a = model.architecture
    context = model.encode(
        torch.tensor(history.proprio_obs)[None],
        torch.tensor(history.actions)[None],
        torch.tensor(extero_obs(robot, state))[None],
    )
    commands = torch.tensor(command).expand(1, a.horizon_steps + 1, -1)
    actions = model.policy_prior(context, commands)
    latents = model.predict(model.memory(context), actions)
    rewards, values = model.score(context, latents, actions, commands)
    return float(discounted_return(rewards[0], values[0, -1]))


def summarise(
    robot: Robot,
    command: NDArray[np.float32],
    truths: list[TrueState],
    steps: int,
    earned: float,
    values: list[float],
) -> WalkResult:
    """Turn what really happened into figures."""
    velocity = np.array([truth.linear_velocity for truth in truths[1:]]).reshape(-1, 3)
    joint_pos = np.array([truth.joint_pos for truth in truths[1:]]).reshape(-1, robot.num_joints)
    return WalkResult(
        distance_m=float(np.linalg.norm((truths[-1].position - truths[0].position)[:2])),
        command_error=task_of(robot).error(velocity, joint_pos, command),
        fell=len(truths) - 1 < steps or truths[-1].has_fallen,
        lasted_s=(len(truths) - 1) * robot.period_s,
        reward_per_s=earned / steps,
        values=[round(value, 4) for value in values],
    )
