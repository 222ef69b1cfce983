"""What ``make demo`` does: walk in a world outside the training, adapt, walk again."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from simdist_ros.adaptation.evaluate import BagEvaluation, evaluate_bags
from simdist_ros.adaptation.lineage import lineage_lines, list_models
from simdist_ros.bringup.demo_plot import plot_demo
from simdist_ros.bringup.demo_rivals import RivalWalk, rivals_line, walk_rivals
from simdist_ros.bringup.graph import LOCKSTEP, GraphOptions
from simdist_ros.bringup.learning_walk import DATA_S, LEARNING, learn
from simdist_ros.bringup.progress import ProgressDisplay
from simdist_ros.bringup.run import new_run_folder, run_graph
from simdist_ros.bringup.run_figures import recorded_walk
from simdist_ros.core.errors import SimdistError
from simdist_ros.embodiment.robot import Robot, load_robot
from simdist_ros.evaluation.recording import Recording, read_recording
from simdist_ros.evaluation.report import Report
from simdist_ros.sim.errors import RenderError
from simdist_ros.sim.rendering.draw import draw_side_by_side
from simdist_ros.transitions.assembly import AssemblySettings
from simdist_ros.world_model.store.checkpoint import find_model, load_model

__all__ = ['demo']

WALK = GraphOptions(
    mode=LOCKSTEP, world='weak_torque', model='go2_beliefs', vx=1.0, duration_s=10.0
)
LEARNS_AT_MPS = 0.5  # where it does not fall
LEAST_GAIN_M = 1.0  # of 10 m


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
        f'models/{walk.model}, was not trained in. Everything runs through ROS 2.'
    )
    tell('\n1. Walk with the model as shipped')
    before = run(walk, subfolder(folder, 'before'), draws=True)
    tell(
        f'\n2. Walk and adapt: {DATA_S:g} s of data, a training that the walk waits for, and a '
        'swap of the model while the robot walks'
    )
    lessons = learn(
        dataclasses.replace(walk, vx=LEARNS_AT_MPS),
        robot,
        folder,
        lambda options, place: run(options, place, LEARNING),
        tell,
    )
    tell('\n'.join(['', *lineage_lines(list_models(folder / 'models'))]))
    tell('\n3. The first walk again, with the adapted model')
    again = dataclasses.replace(walk, model=str(lessons.model))
    after = run(again, subfolder(folder, 'after'), draws=True)
    errors = prediction_errors(
        robot, folder / 'before' / 'bag', [find_model(walk.model), lessons.model]
    )
    walks = tuple(read_recording(folder / name / 'bag', robot) for name in ('before', 'after'))
    rivals = walk_rivals(robot, load_model(find_model(walk.model), robot).model, walk)
    speeds = (walk.vx, LEARNS_AT_MPS)
    plot_demo(walks, rivals, lessons.recording, robot, speeds, errors, folder / 'demo.png')
    told = comparison(walk, before, lessons.falls, after, errors, rivals)
    lines = [
        '',
        *told,
        f'plot              {folder}/demo.png',
        film_line(walk, robot, walks, folder),
    ]
    (folder / 'report.txt').write_text('\n'.join(lines[1:]) + '\n')
    tell('\n'.join(lines))
    check_gain(before, after, rivals)


def film_line(walk: GraphOptions, robot: Robot, walks: tuple[Recording, ...], folder: Path) -> str:
    """Film the walks before and after beside each other, or say what to install."""
    before, after = (recorded_walk(walk, robot, recording) for recording in walks)
    try:
        film = draw_side_by_side({'before': before, 'after': after}, folder)
    except RenderError as error:
        return f'film              {error}'
    return f'film              {film}'


def check_gain(before: Report, after: Report, rivals: list[RivalWalk]) -> None:
    """Refuse to call the second walk a success that it was not.

    Raises:
        SimdistError: It fell more often, or came hardly further, or not as far as without a model.
    """
    gain = after.distance_m - before.distance_m
    if after.falls > before.falls or not gain >= LEAST_GAIN_M:
        raise SimdistError(
            f'after learning the robot came {gain:+.2f} m further with {after.falls} falls, not '
            f'{LEAST_GAIN_M:g} m or more without further falls; try another --seed'
        )
    for rival in rivals:
        if rival.result.distance_m >= after.distance_m:
            raise SimdistError(
                f'after learning the robot came {after.distance_m:.2f} m, and {rival.name} comes '
                f'{rival.result.distance_m:.2f} m without learning; try another --seed'
            )


def run(
    options: GraphOptions,
    folder: Path,
    overrides: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
    *,
    draws: bool = False,
) -> Report:
    """Run a graph to its end."""
    report = run_graph(options, overrides, folder, progress=ProgressDisplay.wanted(), draws=draws)
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


def prediction_errors(robot: Robot, bag: Path, models: list[Path]) -> list[BagEvaluation]:
    """Return prediction errors on a walk that no model was trained on."""
    loaded = [load_model(folder, robot) for folder in models]
    return evaluate_bags(loaded, robot, [bag], AssemblySettings())[0]


def comparison(
    walk: GraphOptions,
    before: Report,
    falls: int,
    after: Report,
    errors: list[BagEvaluation],
    rivals: list[RivalWalk],
) -> list[str]:
    """Compare the walks in a few lines; `falls` are those while learning."""
    factors = [b / a for b, a in zip(errors[0].slip_error, errors[1].slip_error, strict=True)]
    counted = {0: 'none', 1: 'one'}
    return [
        f'progress          {before.distance_m:.2f} m before, {after.distance_m:.2f} m after, '
        f'of {walk.vx * walk.duration_s:.2f} m',
        *rivals_line(rivals),
        f'tracking error    {before.tracking_error_mps:.3f} m/s before, '
        f'{after.tracking_error_mps:.3f} m/s after',
        f'falls             {counted.get(before.falls, before.falls)} before, '
        f'{counted.get(falls, falls)} while learning, '
        f'{counted.get(after.falls, after.falls)} after',
        f'prediction error  divided by {min(factors):.1f} to {max(factors):.1f} during slips of '
        'the first walk, which is not in the training data',
    ]
