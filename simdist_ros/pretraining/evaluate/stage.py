"""Measure a trained world model: the last stage of pretraining."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from simdist_ros.embodiment.robot import Robot
from simdist_ros.evaluation.settings import BEYOND, EvaluateSettings
from simdist_ros.evaluation.walk import VALUE_INTERVAL, MakeWalker, Walk, WalkResult
from simdist_ros.jobs.stage_folder import claim_folder
from simdist_ros.jobs.train_progress import duration
from simdist_ros.pretraining.evaluate.data import (
    WARNING_S,
    Calibration,
    Foresight,
    OpenLoop,
    area_under_curve,
    foresee,
    open_loop,
)
from simdist_ros.pretraining.evaluate.report import (
    Evaluation,
    mean_and_interval,
    summarise_walks,
    write_report,
)
from simdist_ros.pretraining.evaluate.walks import Setup, WalkLog, list_walks, run_walks
from simdist_ros.pretraining.train.settings import TrainSettings
from simdist_ros.tasks.choice import task_of
from simdist_ros.tasks.task import Task
from simdist_ros.transitions.shards.dataset import open_dataset
from simdist_ros.transitions.training_windows import WindowSampler, split_episodes
from simdist_ros.world_model.model import WorldModel
from simdist_ros.world_model.store.checkpoint import load_model

__all__ = ['run_evaluate']

MAX_TRACES = 12  # of each kind in the plot


def run_evaluate(
    robot: Robot,
    model: Path,
    data: Path,
    out: Path,
    settings: EvaluateSettings,
    *,
    training: TrainSettings,
    expert: Path | None,
    make_walker: MakeWalker,
    processes: int = 1,
    say: Callable[[str], None] = print,
) -> dict[str, float]:
    """Evaluate, or go on where an earlier run was killed, and write the report.

    Args:
        robot: Whose model it is.
        model: Folder of the model.
        data: Folder of the transitions that it was trained on.
        out: Folder of this stage.
        settings: How much is tried.
        training: Says which episodes were held out.
        expert: File of the expert to compare with; None for none.
        make_walker: Makes the controllers.
        processes: How many walks at once.
        say: Prints a line of progress.

    Returns:
        The figures that go into the model's manifest.

    Raises:
        SimdistError: The model or the data do not fit, or the folder holds something else.
    """
    loaded = load_model(model, robot)
    about: dict[str, Any] = {
        'model': model.name,
        'created_by': loaded.manifest.created_by,
        'hash': loaded.manifest.identity,
    }
    claimed = {'stage': 'evaluate', 'robot': robot.name, 'model': about['hash']}
    claim_folder(out, claimed | {'settings': asdict(settings)})
    by_data = judge_by_data(loaded.model, robot, data, settings, training)
    say(f'evaluate: correlation of returns {by_data.calibration.correlation:.3f}')
    tasks = list_walks(robot, settings, has_expert=expert is not None)
    log = WalkLog(out / 'walks.jsonl', about['hash'])
    setup = Setup(str(robot.source), robot.task, model, expert, make_walker)
    run_walks(setup, tasks, log, processes=processes, say=EvaluationProgress(say).tell)
    walks = {task: log.results[task] for task in tasks}
    evaluation = evaluation_of(walks, by_data, robot, about)
    write_report(evaluation, task_of(robot), out)
    say(f'evaluate: wrote {out / "report.md"}')
    return metrics(evaluation, task_of(robot))


class ByData(NamedTuple):
    """What held-out transitions say of a model."""

    open_loop: OpenLoop
    calibration: Calibration
    foresight: Foresight


def judge_by_data(
    model: WorldModel,
    robot: Robot,
    data: Path,
    settings: EvaluateSettings,
    training: TrainSettings,
) -> ByData:
    """Compare predictions with the transitions that the training held out."""
    dataset = open_dataset(data, robot, checks_hashes=False)
    kept, held_out = split_episodes(dataset.num_episodes, training.held_out, training.seed)
    a = model.architecture
    fitting, windows = (
        WindowSampler(
            dataset, episodes, history_steps=a.history_steps, horizon_steps=a.horizon_steps
        )
        for episodes in (kept, held_out)
    )
    errors, calibration = open_loop(model, robot, windows, fitting, settings.num_windows)
    foresight = foresee(model, robot, windows, settings.num_episodes, settings.seed)
    return ByData(errors, calibration, foresight)


def evaluation_of(
    walks: dict[Walk, WalkResult], by_data: ByData, robot: Robot, about: dict[str, Any]
) -> Evaluation:
    """Put together what the walks and the data say."""
    return Evaluation(
        summaries=summarise_walks(walks),
        planner_gain=gain(walks, 'planner', over='policy'),
        imitation_gain=gain(walks, 'policy', over='expert'),
        open_loop=by_data.open_loop,
        calibration=by_data.calibration,
        data_foresight=by_data.foresight,
        walk_foresight=foresee_walks(walks, robot),
        hard_foresight=foresee_walks(
            {task: result for task, result in walks.items() if task.world in BEYOND}, robot
        ),
        traces=traces(walks),
        about=about,
    )


class EvaluationProgress:
    """Says how far the walks are and when they will be done."""

    def __init__(self, say: Callable[[str], None]) -> None:
        """Begin now."""
        self.say, self.began, self.first = say, time.monotonic(), -1

    def tell(self, what: str, done: int, total: int) -> None:
        """Say what was done and what is left."""
        if self.first < 0:
            self.first = done - 1
        each = (time.monotonic() - self.began) / (done - self.first)
        self.say(f'evaluate: {done} of {total}, {duration(each * (total - done))} left; {what}')


def gain(
    walks: dict[Walk, WalkResult], controller: str, *, over: str
) -> dict[str, tuple[float, float]]:
    """Return a controller's reward minus another's on the same seeds, by world."""
    other = {
        (task.world, task.speed, task.seed): result.reward_per_s
        for task, result in walks.items()
        if task.controller == over
    }
    gains: dict[str, list[float]] = {}
    for task, result in walks.items():
        place = task.world, task.speed, task.seed
        if task.controller == controller and place in other:
            found = result.reward_per_s - other[place]
            gains.setdefault(task.world, []).append(found)
            gains.setdefault('all worlds', []).append(found)
    return {world: mean_and_interval(found) for world, found in gains.items()}


def foresee_walks(walks: dict[Walk, WalkResult], robot: Robot) -> Foresight:
    """Compare predicted returns before falls with those of walks that did not fall.

    Of each walk one moment counts: `WARNING_S` before the fall, or the middle of the walk. Both
    are compared at all speeds and in all worlds together.
    """
    falls: list[float] = []
    successes: list[float] = []
    for task, result in walks.items():
        if task.controller != 'policy' or not result.values:
            continue
        tick = (result.lasted_s - WARNING_S) if result.fell else 0.5 * task.seconds
        index = int(tick / robot.period_s) // VALUE_INTERVAL
        if index >= 0:
            value = result.values[min(index, len(result.values) - 1)]
            (falls if result.fell else successes).append(value)
    auc = area_under_curve(np.array(falls), np.array(successes))
    none = float('nan')
    return Foresight(auc=auc, policy_auc=none, critic_auc=none, falls=falls, successes=successes)


def traces(walks: dict[Walk, WalkResult]) -> dict[str, list[list[float]]]:
    """Return predicted returns over time of some walks in the hardest worlds."""
    found: dict[str, list[list[float]]] = {'fell': [], 'did not fall': []}
    for task, result in walks.items():
        kind = 'fell' if result.fell else 'did not fall'
        if task.world in BEYOND and task.controller == 'policy' and len(found[kind]) < MAX_TRACES:
            found[kind].append(result.values)
    return found


def metrics(evaluation: Evaluation, task: Task) -> dict[str, float]:
    """Return the figures that a model's manifest states."""
    found = {
        'latent_share': evaluation.open_loop.latent_share[-1],
        'return_correlation': evaluation.calibration.correlation,
        'fall_auc': evaluation.data_foresight.auc,
        'fall_auc_closed_loop': evaluation.walk_foresight.auc,
        'fall_auc_hard_worlds': evaluation.hard_foresight.auc,
        'planner_gain': evaluation.planner_gain.get('all worlds', (float('nan'), 0.0))[0],
    }
    for s in evaluation.summaries:
        if s.world not in BEYOND and s.controller != 'expert':
            name = f'{s.controller}.{s.world}' + (f'.{s.speed:g}' if task.has_speeds else '')
            found[f'{name}.error_{task.error_unit}'] = s.command_error[0]
            if task.can_fail:
                found[f'{name}.falls'] = float(s.falls)
            if s.success_rate is not None:
                found[f'{name}.success_rate'] = s.success_rate
    return {name: round(float(v), 4) for name, v in found.items() if np.isfinite(v)}
