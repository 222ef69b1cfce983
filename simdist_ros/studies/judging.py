"""How good a model is in a world: how far it walks there, and how well it predicts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from simdist_ros.adaptation.outcomes import recorded_following, slips
from simdist_ros.adaptation.prediction import column_means, predict
from simdist_ros.adaptation.whole_windows import windows_of
from simdist_ros.embodiment.robot import Robot
from simdist_ros.evaluation.planned_walk import Walk
from simdist_ros.evaluation.progress import Progress, judge_walk
from simdist_ros.sim.scenes.world import World
from simdist_ros.studies.collect import first_minutes
from simdist_ros.studies.settings import BenchSettings, bench_world
from simdist_ros.studies.tasks import JUDGING, Judge, walk_seed
from simdist_ros.transitions.windows import WindowSampler
from simdist_ros.world_model.model import WorldModel

__all__ = ['JudgeResult', 'judge', 'latent_errors']


@dataclass(frozen=True, kw_only=True)
class JudgeResult:
    """What was found; errors are over the variance of the latents, as `Prediction.share`.

    Attributes:
        progress_m: Of each walk, see `Progress`.
        distance_m: Of each walk.
        line_m: Of each walk.
        fell: Of each walk.
        error: Held-out error at each step ahead, (T,).
        slip_error: The same during slips: in the quarter of the windows in which the robot
            followed its command worst.
    """

    progress_m: list[float]
    distance_m: list[float]
    line_m: list[float]
    fell: list[bool]
    error: list[float]
    slip_error: list[float]


def judge(
    robot: Robot, model: WorldModel, settings: BenchSettings, task: Judge, held_out: Path
) -> JudgeResult:
    """Walk, then predict the held-out data of the same world.

    Raises:
        DatasetError: The data are not there, or damaged.
    """
    world = bench_world(task.world, settings.trial)
    walks = judged_walks(robot, model, settings, task.seed, world)
    episodes = first_minutes(held_out, robot, settings.trial.held_out_minutes)
    windows = windows_of(episodes, np.array(episodes.numbers), model.architecture)
    error, slip_error = latent_errors(robot, model, windows, settings.trial.held_out_windows)
    return JudgeResult(
        progress_m=[walk.progress_m for walk in walks],
        distance_m=[walk.distance_m for walk in walks],
        line_m=[walk.line_m for walk in walks],
        fell=[walk.fell for walk in walks],
        error=error,
        slip_error=slip_error,
    )


def judged_walks(
    robot: Robot, model: WorldModel, settings: BenchSettings, seed: int, world: World
) -> list[Progress]:
    """Do the walks of a seed, the same ones for every model."""
    trial = settings.trial
    return [
        judge_walk(
            robot,
            model,
            settings.mppi,
            Walk(
                world=world,
                seed=walk_seed(JUDGING, seed, number),
                speed=trial.judged_speeds[number % len(trial.judged_speeds)],
                seconds=trial.judged_s,
                heading_gain=trial.heading_gain,
            ),
        )
        for number in range(trial.judged_walks)
    ]


def latent_errors(
    robot: Robot, model: WorldModel, windows: WindowSampler, most: int
) -> tuple[list[float], list[float]]:
    """Return the error at each step ahead, (T,), of all windows and of those during slips."""
    share = predict(model, windows, most).share()
    worst = slips(recorded_following(robot, windows, most))
    return column_means(share).tolist(), column_means(share[worst]).tolist()
