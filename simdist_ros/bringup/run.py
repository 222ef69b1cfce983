"""Run the graph once, from the first process to the report."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from simdist_ros.bringup.graph import (
    GraphOptions,
    NodeSpec,
    describe_graph,
    environment_defaults,
)
from simdist_ros.bringup.graph_records import record_graph
from simdist_ros.bringup.processes import ProcessGroup, ros_environment
from simdist_ros.bringup.progress import ProgressDisplay
from simdist_ros.bringup.ros_domain import DOMAIN, given_domain, hold_free_domain
from simdist_ros.core.errors import BagError, ConfigError
from simdist_ros.core.settings import Spelling
from simdist_ros.core.values import NotAValue, guess
from simdist_ros.embodiment.robot import Robot, load_robot
from simdist_ros.evaluation.report import Report, make_report, report_lines, write_report
from simdist_ros.sim.mjcf_check import check_mjcf
from simdist_ros.sim.scenes.world import load_world
from simdist_ros.sim.world_fit import check_world
from simdist_ros.tasks.choice import task_of
from simdist_ros.tasks.task import Task
from simdist_ros.tasks.velocity.task import VelocityTask
from simdist_ros.world_model.store.model_files import check_model, find_model

__all__ = ['check_options', 'new_run_folder', 'run_graph']


def check_options(options: GraphOptions, spell: Spelling = str) -> Robot:
    """Check all that can be checked before a process starts.

    Args:
        options: What the user chose.
        spell: How the user wrote an option's name, for the error message.

    Raises:
        SimdistError: Robot, world, model, command or bag folder cannot be used.
    """
    robot = load_robot(options.robot, options.task)
    task = task_of(robot)
    if options.use_mock_hardware:
        world = load_world(options.world)
        check_mjcf(robot)
        check_world(robot, world)
        check_wanted(options, task, spell)
    check_model(find_model(options.model), robot)
    if options.bag and Path(options.bag).exists():
        raise BagError(f'bag {options.bag!r} exists already; name a folder that does not')
    return robot


def check_wanted(options: GraphOptions, task: Task, spell: Spelling) -> None:
    """Refuse what the robot cannot be asked for, or a heading that it cannot hold."""
    velocity = (options.vx, options.vy, options.yaw_rate)
    if isinstance(task, VelocityTask) and not options.goal:
        check_velocity(options, task, spell)
    task.driver(task.asked(options.goal, velocity), options.heading_gain)
    if options.episodes and not task.has_end:
        raise ConfigError(
            f'{spell("episodes")} is {options.episodes}, but task {task.name!r} of '
            f'{task.robot.name!r} has no end; give {spell("duration_s")}'
        )


def check_velocity(options: GraphOptions, task: Task, spell: Spelling) -> None:
    """Refuse a velocity that the robot cannot be asked for, or a heading that it cannot hold."""
    if options.heading_gain and options.yaw_rate:
        raise ConfigError(
            f'{spell("heading_gain")} is {options.heading_gain} and {spell("yaw_rate")} '
            f'{options.yaw_rate}; a heading is held only where that is 0'
        )
    names = ('vx', 'vy', 'yaw_rate')
    goal = task.goal
    for name, low, high in zip(names, goal.low, goal.high, strict=False):
        if not low <= getattr(options, name) <= high:
            raise ConfigError(
                f'{spell(name)} is {getattr(options, name)}; robot {task.robot.name!r} can be '
                f'asked for {low} .. {high}'
            )


def new_run_folder(parent: Path, options: GraphOptions) -> Path:
    """Make a folder for a run's files, named after the time and the run."""
    world = Path(options.world).stem
    stem = f'{time.strftime("%Y%m%d-%H%M%S")}-{Path(options.robot).stem}-{world}-{options.seed}'
    for suffix in ('', *(f'-{count}' for count in range(2, 100))):
        folder = parent / (stem + suffix)
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise ConfigError(f'cannot make {folder}: {error.strerror}') from None
        return folder
    raise ConfigError(f'cannot make a new folder in {parent}; empty it')


def run_graph(
    options: GraphOptions,
    overrides: Mapping[str, Mapping[str, Any]],
    folder: Path,
    *,
    report_path: Path | None = None,
    progress: ProgressDisplay = ProgressDisplay.NONE,
    plots: bool = True,
    draws: bool = False,
) -> Report | None:
    """Start the graph, wait for its end, and report.

    Args:
        options: What to run.
        overrides: Further parameters by node.
        folder: Where logs, plot, pictures and report go; the bag too, if options name none.
        report_path: Where else the report's JSON goes.
        progress: How it is shown meanwhile.
        plots: Draw what was recorded afterwards.
        draws: Render pictures of the walk afterwards.

    Returns:
        The report; None if nothing was recorded.

    Raises:
        SimdistError: The options cannot be used, or a node refused its settings.
    """
    if not options.bag:
        options = dataclasses.replace(options, bag=str(folder / 'bag'))
    robot = check_options(options)
    nodes = with_progress(describe_graph(options, overrides), options, robot, progress)
    group = run_processes(nodes, options, robot, folder, progress.quiet_s)
    try:
        report, recording = make_report(Path(options.bag), robot)
    except BagError as error:
        if not group.is_interrupted:
            raise
        print(f'interrupted, and nothing to report: {error}')
        return None
    about = dataclasses.asdict(options) | {'overrides': values_of(overrides)}
    report = dataclasses.replace(report, was_interrupted=group.is_interrupted)
    write_report(report, folder / 'report.json', about)
    lines = report_lines(report)
    if plots or draws:  # what draws is slow to import
        from simdist_ros.bringup.run_figures import picture_lines, plot

        lines += picture_lines(options, robot, recording, folder) if draws else []
        if plots:
            plot(options, robot, recording, folder / 'plot.png')
    lines.append(f'{"report, plot" if plots else "report":17} {folder}')
    (folder / 'report.txt').write_text('\n'.join(lines) + '\n')
    print('\n'.join(lines))
    if report_path is not None:  # last, because it is the only one that may lie where it cannot
        write_report(report, report_path, about)
    return report


def run_processes(
    nodes: list[NodeSpec], options: GraphOptions, robot: Robot, folder: Path, quiet_s: float
) -> ProcessGroup:
    """Start the nodes, wait for the first that ends, and end the others.

    Raises:
        ConfigError: A node failed.
    """
    with graph_environment(options) as defaults:
        shared = ros_environment(folder / 'log', defaults)
        with (
            record_graph(robot.name, options.mode, folder, shared) as record,
            ProcessGroup(nodes, folder, defaults, quiet_s) as group,
        ):
            print(f'ROS domain        {record.domain}', flush=True)
            code = group.wait()
    if code:
        raise ConfigError(
            f'node {group.ended_by!r} ended with exit code {code}; see {group.log_folder}'
        )
    return group


def with_progress(
    nodes: list[NodeSpec], options: GraphOptions, robot: Robot, progress: ProgressDisplay
) -> list[NodeSpec]:
    """Add a node that draws a bar, or let the stand-in say how far it is."""
    if progress is ProgressDisplay.BAR:
        shown = {
            'robot': options.robot,
            'task': options.task,
            'duration_s': options.duration_s,
        }
        return [*nodes, NodeSpec(name='progress', parameters=shown)]
    tells = 'mujoco_robot' if progress is ProgressDisplay.LINES else ''
    return [dataclasses.replace(node, speaks=node.speaks or node.name == tells) for node in nodes]


def values_of(overrides: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return overrides with numbers for the texts that are numbers, for a record of the run."""
    return {
        node: {name: value_of(value) for name, value in given.items()}
        for node, given in overrides.items()
    }


def value_of(value: Any) -> Any:
    """Return what a text most probably is; what cannot be told stays as it is."""
    if not isinstance(value, str):
        return value
    try:
        return guess(value)
    except NotAValue:
        return value


@contextlib.contextmanager
def graph_environment(options: GraphOptions) -> Iterator[dict[str, str]]:
    """Return the environment's defaults; a stand-in has a domain of its own, if none is set.

    Raises:
        ConfigError: The domain set is none, or there is no free one.
    """
    defaults = environment_defaults(options)
    if given_domain() is not None or not options.use_mock_hardware:
        yield defaults
        return
    with hold_free_domain() as domain:
        yield defaults | {DOMAIN: str(domain)}
