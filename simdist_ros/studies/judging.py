"""How good a model is in a world: how far it walks there, and how well it predicts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from simdist_ros.adaptation.whole_windows import windows_of
from simdist_ros.embodiment.robot import Robot
from simdist_ros.evaluation.outcomes import recorded_following, slips
from simdist_ros.evaluation.planned_walk import PlannedWalk
from simdist_ros.evaluation.prediction import column_means, predict
from simdist_ros.evaluation.rivals import RivalResult, judge_rival
from simdist_ros.pretraining.recipe import load_recipe
from simdist_ros.sim.scenes.world import World
from simdist_ros.studies.collect import first_minutes
from simdist_ros.studies.settings import BenchSettings, TrialSettings, bench_world
from simdist_ros.studies.tasks import JUDGING, NONE, Judge, walk_seed
from simdist_ros.transitions.training_windows import WindowSampler
from simdist_ros.world_model.model import WorldModel

__all__ = ['JudgeResult', 'judge', 'latent_errors']


@dataclass(frozen=True, kw_only=True)
class JudgeResult:
    """What was found; errors are over the variance of the latents, as `Prediction.share`.

    Attributes:
        speed: Ahead, asked for in each walk [m/s].
        progress_m: Of each walk, see `Progress`.
        distance_m: Of each walk.
        line_m: Of each walk.
        fell: Of each walk.
        error: Held-out error at each step ahead, (T,).
        slip_error: The same during slips: in the quarter of the windows in which the robot
            followed its command worst.
        tracking_error_mps: Of each walk, see `RivalResult`; None where there is none.
        reward_per_s: Of each walk, likewise.
    """

    speed: list[float]
    progress_m: list[float]
    distance_m: list[float]
    line_m: list[float]
    fell: list[bool]
    error: list[float]
    slip_error: list[float]
    tracking_error_mps: list[float | None]
    reward_per_s: list[float | None]


def judge(
    robot: Robot, model: WorldModel, settings: BenchSettings, task: Judge, held_out: Path
) -> JudgeResult:
    """Walk, then predict the held-out data of the same world.

    Raises:
        DatasetError: The data are not there, or damaged.
    """
    world = bench_world(task.world, settings.trial)
    method = NONE if task.source else task.method
    walks = judged_walks(robot, model, settings, method, task.seed, world)
    episodes = first_minutes(held_out, robot, settings.trial.held_out_minutes)
    windows = windows_of(episodes, np.array(episodes.numbers), model.architecture)
    error, slip_error = latent_errors(robot, model, windows, settings.trial.held_out_windows)
    return JudgeResult(
        speed=[judged_speed(settings.trial, number) for number in range(len(walks))],
        progress_m=[walk.progress.progress_m for walk in walks],
        distance_m=[walk.progress.distance_m for walk in walks],
        line_m=[walk.progress.line_m for walk in walks],
        fell=[walk.progress.fell for walk in walks],
        error=error,
        slip_error=slip_error,
        tracking_error_mps=[known(walk.tracking_error_mps) for walk in walks],
        reward_per_s=[known(walk.reward_per_s) for walk in walks],
    )


def judged_walks(
    robot: Robot,
    model: WorldModel,
    settings: BenchSettings,
    method: str,
    seed: int,
    world: World,
) -> list[RivalResult]:
    """Do the walks of a seed, the same ones for every model and every rival."""
    trial = settings.trial
    recipe = load_recipe(robot) if robot.pretraining else None
    return [
        judge_rival(
            robot,
            recipe,
            model,
            settings.mppi,
            method,
            PlannedWalk(
                world=world,
                seed=walk_seed(JUDGING, seed, number),
                speed=judged_speed(trial, number),
                seconds=trial.judged_s,
                heading_gain=trial.heading_gain,
            ),
        )
        for number in range(trial.judged_walks)
    ]


def known(value: float) -> float | None:
    """Return a number as JSON knows it: None for NaN."""
    return None if math.isnan(value) else value


def judged_speed(trial: TrialSettings, number: int) -> float:
    """Return the speed that is asked for in a walk of a seed, given its number [m/s]."""
    return trial.judged_speeds[number % len(trial.judged_speeds)]


def latent_errors(
    robot: Robot, model: WorldModel, windows: WindowSampler, most: int
) -> tuple[list[float], list[float]]:
    """Return the error at each step ahead, (T,), of all windows and of those during slips."""
    share = predict(model, windows, most).share()
    worst = slips(recorded_following(robot, windows, most))
    return column_means(share).tolist(), column_means(share[worst]).tolist()
