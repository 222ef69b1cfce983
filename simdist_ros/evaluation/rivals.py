"""What a planner has to beat: the expert, the policy head, and each with a PI on its command."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import torch

from simdist_ros.core.errors import ConfigError, unknown_name
from simdist_ros.embodiment.robot import Robot
from simdist_ros.evaluation.closed_loop import Tick
from simdist_ros.evaluation.expert_planner import planner_of
from simdist_ros.evaluation.goal_feedback import WithFeedback
from simdist_ros.evaluation.judged_walk import JudgedWalk, judged_walk
from simdist_ros.evaluation.planned_walk import PlannedWalk
from simdist_ros.evaluation.settings import EXPERT, NONE, RIVALS
from simdist_ros.planning.controller import Controller
from simdist_ros.planning.settings import MppiSettings, search_for
from simdist_ros.tasks.step import Scoring
from simdist_ros.world_model.model import WorldModel

__all__ = ['METHODS', 'WITH_PI', 'judge_rival', 'search_of']

METHODS = (*RIVALS, NONE)
WITH_PI = '_pi'


def search_of(method: str, mppi: MppiSettings, model: WorldModel) -> MppiSettings:
    """Return the planner's settings with which it does what a rival does.

    Raises:
        ConfigError: There is no such method, or the model carries no expert.
    """
    if method not in METHODS:
        raise ConfigError(unknown_name('method', method, METHODS))
    if method == NONE:
        return mppi
    is_expert = method.removesuffix(WITH_PI) == EXPERT
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
    note: Callable[[Tick], None] | None = None,
) -> JudgedWalk:
    """Walk until the time is over or the robot falls; `note` is told each tick before a fall.

    Raises:
        ConfigError: There is no such method, or the model carries no expert.
    """
    generator = torch.Generator().manual_seed(asked.seed)
    search = search_for(robot, search_of(method, mppi, model))
    planner = planner_of(model, search, generator)
    walker = (WithFeedback if method.endswith(WITH_PI) else Controller)(robot, planner)
    return judged_walk(robot, scoring, walker, asked, note)
