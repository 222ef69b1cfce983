"""How good a model is in a world: how far it walks there, and how well it predicts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from simdist_ros.adaptation.whole_windows import windows_of
from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.robot import Robot
from simdist_ros.evaluation.judged_walk import JudgedWalk
from simdist_ros.evaluation.outcomes import recorded_following, slips
from simdist_ros.evaluation.planned_walk import PlannedWalk
from simdist_ros.evaluation.prediction import column_means, predict
from simdist_ros.evaluation.rivals import judge_rival
from simdist_ros.evaluation.settings import EXPERT, NONE
from simdist_ros.pretraining.recipe import load_recipe
from simdist_ros.studies.collect import first_minutes
from simdist_ros.studies.jobs import JUDGING, Judge, walk_seed
from simdist_ros.studies.methods import CEILING, PARTS
from simdist_ros.studies.settings import BenchSettings, bench_world
from simdist_ros.tasks.choice import task_of
from simdist_ros.transitions.training_windows import WindowSampler
from simdist_ros.world_model.model import WorldModel

__all__ = ['JudgeResult', 'judge', 'latent_errors']


@dataclass(frozen=True, kw_only=True)
class JudgeResult:
    """What was found; errors are over the variance of the latents, as `Prediction.share`.

    Attributes:
        speed: Of each walk: ahead, asked for [m/s]; 0 for a task without.
        progress_m: Of each walk, see `JudgedWalk`; not capped at the success line.
        line_m: Of each walk, likewise.
        fell: Of each walk.
        command_error: Of each walk, likewise; None where there is none.
        reward_per_s: Of each walk, likewise.
        succeeded: Of each walk, likewise.
        error: Held-out error at each step ahead, (T,); empty where there is
            no search.
        slip_error: The same during slips: in the quarter of the windows in which the robot
            followed its command worst.
    """

    speed: list[float]
    progress_m: list[float]
    line_m: list[float]
    fell: list[bool]
    command_error: list[float | None]
    reward_per_s: list[float | None]
    succeeded: list[bool | None]
    error: list[float]
    slip_error: list[float]


def judge(
    robot: Robot, model: WorldModel, settings: BenchSettings, job: Judge, held_out: Path
) -> JudgeResult:
    """Walk, then predict the held-out data of the same world, where there is a search.

    Raises:
        DatasetError: The data are not there, or damaged.
        ConfigError: They hold no window.
    """
    walks = judged_walks(robot, model, settings, job)
    error: list[float] = []
    slip_error: list[float] = []
    if job.predicts:
        episodes = first_minutes(held_out, robot, settings.trial.held_out_minutes)
        windows = windows_of(episodes, np.array(episodes.numbers), model.architecture)
        if not len(windows):
            raise ConfigError(
                f'{held_out}: its episodes are shorter than a window of the model; raise '
                'bags.episode_s'
            )
        error, slip_error = latent_errors(robot, model, windows, settings.trial.held_out_windows)
    return JudgeResult(
        speed=[speed for speed, _ in walks],
        progress_m=[walk.progress_m for _, walk in walks],
        line_m=[walk.line_m for _, walk in walks],
        fell=[walk.fell for _, walk in walks],
        command_error=[known(walk.command_error) for _, walk in walks],
        reward_per_s=[known(walk.reward_per_s) for _, walk in walks],
        succeeded=[walk.succeeded for _, walk in walks],
        error=error,
        slip_error=slip_error,
    )


def judged_walks(
    robot: Robot, model: WorldModel, settings: BenchSettings, job: Judge
) -> list[tuple[float, JudgedWalk]]:
    """Do the walks of a seed at each speed, the same ones for every model and every rival."""
    task, trial = task_of(robot), settings.trial
    world = bench_world(job.world, trial)
    recipe = load_recipe(robot) if robot.pretraining else None
    method = NONE if job.source else job.method
    if job.method in (CEILING, *PARTS):  # the model carries it as its expert
        method = EXPERT
    found = []
    for speed in task.speeds(settings.grid.speeds):
        for number in range(trial.judged_walks):
            seed = walk_seed(JUDGING, job.seed, number)
            asked = PlannedWalk(
                world=world,
                seed=seed,
                command=tuple(task.trial(speed, seed).tolist()),
                seconds=trial.judged_s,
                heading_gain=trial.heading_gain,
            )
            walk = judge_rival(robot, recipe, model, settings.mppi, method, asked)
            found.append((speed, walk))
    return found


def known(value: float) -> float | None:
    """Return a number as JSON knows it: None for NaN."""
    return None if math.isnan(value) else value


def latent_errors(
    robot: Robot, model: WorldModel, windows: WindowSampler, most: int
) -> tuple[list[float], list[float]]:
    """Return the error at each step ahead, (T,), of all windows and of those during slips."""
    share = predict(model, windows, most).share()
    worst = slips(recorded_following(robot, windows, most))
    return column_means(share).tolist(), column_means(share[worst]).tolist()
