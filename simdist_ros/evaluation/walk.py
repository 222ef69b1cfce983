"""One walk in closed loop: a model, a world, a command, a seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from simdist_ros.embodiment.history import History
from simdist_ros.embodiment.observation import RobotState, extero_obs
from simdist_ros.embodiment.robot import Robot
from simdist_ros.evaluation.closed_loop import Tick, Walker
from simdist_ros.evaluation.judged_walk import judged_walk
from simdist_ros.evaluation.planned_walk import PlannedWalk
from simdist_ros.evaluation.settings import evaluation_world
from simdist_ros.tasks.choice import task_of
from simdist_ros.tasks.step import Scoring
from simdist_ros.world_model.model import WorldModel
from simdist_ros.world_model.returns import discounted_return

__all__ = ['MakeWalker', 'Walk', 'WalkResult', 'predicted_return', 'walk']

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
    """What came of it; `distance_m` to `succeeded` as in `JudgedWalk`.

    Attributes:
        values: Predicted return every `VALUE_INTERVAL` ticks; none without a model.
    """

    distance_m: float
    command_error: float
    fell: bool
    lasted_s: float
    reward_per_s: float
    succeeded: bool | None = None
    values: list[float]


def walk(
    robot: Robot, scoring: Scoring, walker: Walker, model: WorldModel | None, tried: Walk
) -> WalkResult:
    """Walk until the time is over or the robot falls."""
    command = task_of(robot).trial(tried.speed, tried.seed)
    asked = PlannedWalk(
        world=evaluation_world(tried.world, is_pushed=robot.has_free_base),
        seed=tried.seed,
        command=tuple(command.tolist()),
        seconds=tried.seconds,
    )
    values: list[float] = []

    def note(tick: Tick) -> None:
        is_last = tick.step == asked.steps(robot)
        if model is not None and tick.state and not is_last and not tick.step % VALUE_INTERVAL:
            values.append(
                predicted_return(model, robot, walker.history, tick.state, tick.velocity)
            )

    found = judged_walk(robot, scoring, walker, asked, note)
    return WalkResult(
        distance_m=found.distance_m,
        command_error=found.command_error,
        fell=found.fell,
        lasted_s=found.lasted_s,
        reward_per_s=found.reward_per_s,
        succeeded=found.succeeded,
        values=[round(value, 4) for value in values],
    )


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
