"""Plan from recorded observations: what a model would have done, without a robot."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from simdist_ros.embodiment.action_space import action_space_of
from simdist_ros.embodiment.observation_terms import observed_joint_pos
from simdist_ros.embodiment.robot import Robot
from simdist_ros.planning.plan import NoPlan, Observation, Source
from simdist_ros.planning.planner import Planner
from simdist_ros.planning.settings import MppiSettings
from simdist_ros.transitions.training_windows import WindowSampler, evenly
from simdist_ros.world_model.model import WorldModel

__all__ = ['RecordedPlans', 'plan_recorded']

SEARCH = MppiSettings(
    num_samples=32, num_iterations=2, num_policy_samples=4, command_settling_steps=0
)


@dataclass(frozen=True)
class RecordedPlans:
    """What came of planning.

    Attributes:
        num_plans: Observations planned from.
        num_failed: Those without a finite plan by MPPI.
        beyond_limits: Share of the planned joint targets beyond their joint's limits.
    """

    num_plans: int
    num_failed: int
    beyond_limits: float


def plan_recorded(
    model: WorldModel, robot: Robot, sampler: WindowSampler, count: int, seed: int
) -> RecordedPlans:
    """Plan anew from each of `count` evenly spaced observations."""
    past = model.architecture.history_steps
    planner = Planner(model, SEARCH, torch.Generator().manual_seed(seed))
    low, high = robot.per_joint('low'), robot.per_joint('high')
    failed, beyond = 0, []
    windows = sampler.gather(evenly(len(sampler), count))
    actions = action_space_of(robot)
    nothing = np.zeros((0, actions.dim), np.float32)
    for number in range(len(windows.actions)):
        planner.reset()
        result = planner.plan(
            Observation(
                step=number,
                proprio_obs_hist=windows.proprio_obs[number, : past + 1],
                acts_hist=windows.actions[number, :past],
                extero_obs=windows.extero_obs[number],
                command=windows.commands[number, 0],
                committed=nothing,
            )
        )
        if isinstance(result, NoPlan) or result.source is not Source.MPPI:
            failed += 1
            continue
        joint_pos = observed_joint_pos(robot, windows.proprio_obs[number, past])
        targets = actions.sequence(result.actions, joint_pos)
        beyond.append(float(np.mean((targets < low) | (targets > high))))
    return RecordedPlans(
        num_plans=len(windows.actions),
        num_failed=failed,
        beyond_limits=float(np.mean(beyond)) if beyond else 1.0,
    )
