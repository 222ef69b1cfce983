"""The benchmark of adaptation: ``simdist bench adaptation``."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from simdist_ros.adaptation.commands import load
from simdist_ros.bench.about import about_machine
from simdist_ros.bench.adapting import AdaptResult
from simdist_ros.bench.collect import CollectResult
from simdist_ros.bench.options import BenchOptions
from simdist_ros.bench.report import write_report
from simdist_ros.bench.results import Result, ResultLog
from simdist_ros.bench.settings import (
    NOMINAL,
    SECTIONS,
    BenchSettings,
    TrialSettings,
    read_settings,
    world_name,
)
from simdist_ros.bench.tasks import Adapt, Collect, Task, list_tasks
from simdist_ros.bench.working import Setup, do_tasks
from simdist_ros.core.errors import ConfigError
from simdist_ros.core.folder_lock import lock_folder
from simdist_ros.core.robot import Robot
from simdist_ros.pretraining.stage_folder import claim_folder
from simdist_ros.pretraining.train_progress import duration
from simdist_ros.sim.world import World, load_world
from simdist_ros.world_model.checkpoint import LoadedModel

__all__ = ['bench_adaptation']

# Of one minute of a core, roughly, for the time that is left.
MINUTES_OF = {'dynamics': 1.0, 'residual': 0.5, 'all': 2.0, 'policy': 0.7}


def bench_adaptation(
    options: BenchOptions, command: str, say: Callable[[str], None] = print
) -> None:
    """Run the benchmark, or go on where it was, and write the report.

    Interrupted, it reports what there is.

    Args:
        options: What was asked for.
        command: The whole command, for the report.
        say: Prints a line.

    Raises:
        SimdistError: Something does not fit; what is done stays.
    """
    settings = read_settings(options.preset, options.overrides)
    worlds = {name: load_world(name) for name in (*settings.grid.world_list, NOMINAL)}
    parent, robot = load(options.model, options.robot)
    check_speeds(robot, settings.trial)
    if options.only_report and not (options.work / 'results.jsonl').is_file():
        raise ConfigError(f'{options.work} holds no results yet; run it without --only-report')
    with lock_folder(options.work):
        claim(options.work, parent, robot, settings, list(worlds.values()))
        log = ResultLog(options.work / 'results.jsonl')
        try:
            if not options.only_report:
                run(options, parent, robot, settings, log, say)
        finally:
            if log.results:
                report(options, parent, settings, log, command)
                say(f'bench: wrote {options.out / "report.md"}')


def check_speeds(robot: Robot, trial: TrialSettings) -> None:
    """Refuse speeds that the robot cannot be asked for."""
    for speed in (*trial.walk_speeds, *trial.judged_speeds):
        robot.check_command(np.array([speed, *np.zeros(len(robot.command_low) - 1)]))


def claim(
    work: Path, parent: LoadedModel, robot: Robot, settings: BenchSettings, worlds: list[World]
) -> None:
    """Begin a folder, or find that what is in it was made in the same way.

    Raises:
        ConfigError: It holds something else, or was made with another model, setting or world.
    """
    claim_folder(
        work,
        {
            'bench': 'adaptation',
            'robot': robot.name,
            'model': parent.manifest.identity,
            **settings.of_results(),
        },
    )
    for world in worlds:
        claim_folder(work / 'worlds' / world.name, dataclasses.asdict(world))


def run(
    options: BenchOptions,
    parent: LoadedModel,
    robot: Robot,
    settings: BenchSettings,
    log: ResultLog,
    say: Callable[[str], None],
) -> None:
    """Do what is not done yet."""
    tasks = list_tasks(settings.grid, settings.trial)
    setup = Setup(
        robot=str(robot.source),
        model=parent.folder.resolve(),
        work=options.work,
        settings=settings,
    )
    left = [task for task in tasks if task not in log.results]
    say(f'bench: {len(tasks) - len(left)} of {len(tasks)} tasks are done')
    costs = {task: cost(task, settings.trial) for task in left}
    progress = Progress(costs, len(tasks), say)
    do_tasks(setup, tasks, log, processes=options.processes, say=progress.tell)


def cost(task: Task, trial: TrialSettings) -> float:
    """Return about how long a task takes, in minutes of walking."""
    if isinstance(task, Collect):
        return task.minutes
    if isinstance(task, Adapt):
        return MINUTES_OF[task.method]
    return trial.judged_walks * trial.judged_s / 60.0


class Progress:
    """Says what was done and how long the rest will take, by how long such tasks took so far."""

    def __init__(
        self,
        costs: dict[Task, float],
        total: int,
        say: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin now."""
        self.costs, self.total, self.say, self.clock = costs, total, say, clock
        self.began, self.spent = clock(), 0.0

    def tell(self, task: Task, result: Result) -> None:
        """Say that a task is done."""
        self.spent += self.costs.pop(task)
        rate = (self.clock() - self.began) / max(self.spent, 1e-9)
        left = duration(rate * sum(self.costs.values()))
        done = self.total - len(self.costs)
        self.say(f'bench: {done} of {self.total}, {left} left; {task}: {outcome(result)}')


def outcome(result: Result) -> str:
    """Say in a few words what came of a task."""
    if isinstance(result, CollectResult):
        return f'{result.minutes:.1f} min in {result.walks} walks, {result.falls} falls'
    if isinstance(result, AdaptResult):
        return f'{result.num_steps} steps, {result.reason}'
    mean, line = np.mean(result.progress_m), np.mean(result.line_m)
    return f'{mean:.2f} of {line:.2f} m, {sum(result.fell)} of {len(result.fell)} fell'


def report(
    options: BenchOptions,
    parent: LoadedModel,
    settings: BenchSettings,
    log: ResultLog,
    command: str,
) -> None:
    """Write the report of what there is."""
    manifest = parent.manifest
    tasks = list_tasks(settings.grid, settings.trial)
    done = sum(task in log.results for task in tasks)
    about: dict[str, Any] = {
        'command': f'`{command}`',
        'model': f'{parent.folder.name} [{manifest.identity}], {manifest.created_by}',
        **about_machine(),
        'done': f'{done} of {len(tasks)} tasks, {sum(log.seconds.values()) / 3600.0:.1f} hours '
        'of one core in all',
    }
    sections = {name: dataclasses.asdict(getattr(settings, name)) for name in SECTIONS}
    worlds = [world_name(world) for world in settings.grid.world_list]
    write_report(options.out, log, worlds, about, sections)
