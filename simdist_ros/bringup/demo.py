"""What ``make demo`` does: walk in a strange world, learn there, walk again."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from simdist_ros.adaptation.evaluate import BagEvaluation, evaluate_bags
from simdist_ros.adaptation.lineage import lineage_lines, list_models
from simdist_ros.bringup.demo_plot import plot_demo
from simdist_ros.bringup.graph import LOCKSTEP, GraphOptions
from simdist_ros.bringup.recording import read_recording
from simdist_ros.bringup.report import Report
from simdist_ros.bringup.run import new_run_folder, run_graph
from simdist_ros.core.errors import SimdistError
from simdist_ros.core.robot import Robot, load_robot
from simdist_ros.transitions.assembly import AssemblySettings
from simdist_ros.world_model.checkpoint import find_model, load_model

__all__ = ['demo']

WALK = GraphOptions(mode=LOCKSTEP, world='stiff_joints', duration_s=10.0)
DATA_S = 80.0
MOST_TRAININGS = 4
LEAST_GAIN_M = 1.0  # of 5 m
LEARNING = {  # proposals are tried out half of the time; it ends with an event, not with a time
    'planner': {'mppi.explore_share': 0.5},
    'finetuner': {
        'trigger.every_s': DATA_S,
        'end_after_swaps': 1,
        'end_after_trainings': MOST_TRAININGS,
        'walk_on_s': 20.0,
    },
}


def demo(runs: Path, seed: int = 0) -> None:
    """Walk, adapt while walking, walk again, and report.

    Raises:
        SimdistError: A graph could not run, no adapted model planned in the end, or the walk
            with it was no better.
        KeyboardInterrupt: One of the walks was interrupted.
    """
    walk = dataclasses.replace(WALK, seed=seed)
    folder = new_run_folder(runs, walk)
    robot = load_robot(walk.robot)
    tell(
        f'A Go2 is to walk at {walk.vx} m/s in the world {walk.world}, which its model, '
        f'models/{walk.model}, has never seen. All of it runs through ROS 2.'
    )
    tell('\n1. As it came')
    before = run(walk, subfolder(folder, 'before'), draws=True)
    tell(
        f'\n2. It walks on and learns: {DATA_S:g} s of walking, a training that the walk waits '
        'for, and the model is exchanged while it walks'
    )
    lessons = dataclasses.replace(
        walk,
        seed=seed + 1,
        duration_s=0.0,
        finetune=True,
        models=str(folder / 'models'),
    )
    learning = run(lessons, subfolder(folder, 'learning'), LEARNING)
    recording = read_recording(folder / 'learning' / 'bag', robot)
    last = recording.planner[max(recording.planner)]
    model = model_at_the_end(folder / 'models', last['model_identity'], learning)
    tell('\n'.join(['', *lineage_lines(list_models(folder / 'models'))]))
    tell('\n3. The first walk again, with what it has learned')
    again = dataclasses.replace(walk, model=str(model))
    after = run(again, subfolder(folder, 'after'), draws=True)
    errors = foretold(robot, folder / 'before' / 'bag', [find_model(walk.model), model])
    plot_demo(recording, robot, walk.vx, (before, after), errors, folder / 'demo.png')
    lines = ['', *comparison(walk, before, after, errors), f'plot              {folder}/demo.png']
    (folder / 'report.txt').write_text('\n'.join(lines[1:]) + '\n')
    tell('\n'.join(lines))
    check_gain(before, after)


def check_gain(before: Report, after: Report) -> None:
    """Refuse to call the second walk a success that it was not.

    Raises:
        SimdistError: It fell more often, or came hardly further.
    """
    gain = after.distance_m - before.distance_m
    if after.falls > before.falls or not gain >= LEAST_GAIN_M:
        raise SimdistError(
            f'after learning the robot came {gain:+.2f} m further with {after.falls} falls, not '
            f'{LEAST_GAIN_M:g} m or more without further falls; try another --seed'
        )


def run(
    options: GraphOptions,
    folder: Path,
    overrides: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
    *,
    draws: bool = False,
) -> Report:
    """Run a graph to its end."""
    report = run_graph(options, overrides, folder, shows_progress=True, draws=draws)
    if report is None or report.was_interrupted:
        raise KeyboardInterrupt
    return report


def tell(text: str) -> None:
    """Print it before what the processes print."""
    print(text, flush=True)


def subfolder(folder: Path, name: str) -> Path:
    """Make a folder for one of the walks."""
    (folder / name).mkdir()
    return folder / name


def model_at_the_end(models: Path, identity: str, learning: Report) -> Path:
    """Return the folder of the model that made the last plan.

    Args:
        models: Folder of those that were adapted.
        identity: Of the model that is looked for.
        learning: Report of the walk in which they were.

    Raises:
        SimdistError: It is none of them.
    """
    entries = list_models(models) if models.is_dir() else []
    for entry in entries:
        if entry.manifest is not None and entry.manifest.identity == identity:
            return entry.folder
    why = 'nothing that was learned was good enough to plan with'
    if learning.falls:
        why = 'the robot fell while it learned'
    elif not entries:
        why = 'no training came to an end'
    raise SimdistError(f'{why}; see {learning.bag} and the logs beside it')


def foretold(robot: Robot, bag: Path, models: list[Path]) -> list[BagEvaluation]:
    """Return prediction errors on a walk from which no model has learned."""
    loaded = [load_model(folder, robot) for folder in models]
    return evaluate_bags(loaded, robot, [bag], AssemblySettings())[0]


def comparison(
    walk: GraphOptions, before: Report, after: Report, errors: list[BagEvaluation]
) -> list[str]:
    """Say what came of it."""
    factors = [b / a for b, a in zip(errors[0].slip_error, errors[1].slip_error, strict=True)]
    falls = {0: 'none', 1: 'one'}
    return [
        f'progress          {before.distance_m:.2f} m before, {after.distance_m:.2f} m after, '
        f'of {walk.vx * walk.duration_s:.2f} m',
        f'tracking error    {before.tracking_error_mps:.3f} m/s before, '
        f'{after.tracking_error_mps:.3f} m/s after',
        f'falls             {falls.get(before.falls, before.falls)} before, '
        f'{falls.get(after.falls, after.falls)} after',
        f'prediction error  divided by {min(factors):.1f} to {max(factors):.1f} along slips of '
        'the first walk, from which nothing was learned',
    ]
