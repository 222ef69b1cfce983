"""The benchmark of adaptation: ``simdist bench adaptation``."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

from simdist_ros.adaptation.commands import load
from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.robot import Robot
from simdist_ros.jobs.folder_lock import lock_folder
from simdist_ros.jobs.free_cores import free_cores
from simdist_ros.jobs.provenance import about_machine
from simdist_ros.jobs.stage_folder import claim_folder
from simdist_ros.jobs.writable import check_folder
from simdist_ros.sim.scenes.world import World
from simdist_ros.sim.world_fit import check_world
from simdist_ros.studies.options import BenchOptions
from simdist_ros.studies.progress import StudyProgress
from simdist_ros.studies.report import write_report
from simdist_ros.studies.results import ResultLog
from simdist_ros.studies.settings import (
    NOMINAL,
    BenchSettings,
    TrialSettings,
    bench_world,
    read_settings,
    world_name,
)
from simdist_ros.studies.task_pool import Setup, do_tasks
from simdist_ros.studies.tasks import list_tasks
from simdist_ros.tasks.choice import task_of
from simdist_ros.tasks.velocity.task import VelocityTask
from simdist_ros.world_model.store.checkpoint import LoadedModel

__all__ = ['bench_adaptation']


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
    names = (*settings.grid.worlds, NOMINAL)
    worlds = [bench_world(name, settings.trial) for name in names]
    parent, robot = load(options.model, options.robot)
    settings = without_missing_expert(settings, parent, say)
    check_speeds(robot, settings.trial)
    for world in worlds:
        check_world(robot, world)
    if options.only_report and not (options.work / 'results.jsonl').is_file():
        raise ConfigError(f'{options.work} holds no results yet; run it without --only-report')
    check_folder(options.work, '--work')
    check_folder(options.out, '--out')
    with lock_folder(options.work):
        claim(options.work, parent, robot, settings, worlds)
        log = ResultLog(options.work / 'results.jsonl')
        try:
            if not options.only_report:
                run(options, parent, robot, settings, log, say)
        finally:
            if log.results:
                report(options, parent, settings, log, command)
                say(f'bench: wrote {options.out / "report.md"}')


def without_missing_expert(
    settings: BenchSettings, parent: LoadedModel, say: Callable[[str], None]
) -> BenchSettings:
    """Leave out the rivals that need an expert where the model carries none, and say so."""
    if parent.model.expert is not None:
        return settings
    kept = tuple(rival for rival in settings.grid.rivals if not rival.startswith('expert'))
    if len(kept) < len(settings.grid.rivals):
        say(f'bench: {parent.folder.name} carries no expert, so none walks beside it')
    grid = dataclasses.replace(settings.grid, rivals=kept)
    return dataclasses.replace(settings, grid=grid)


def check_speeds(robot: Robot, trial: TrialSettings) -> None:
    """Refuse speeds that the robot cannot be asked for, and a robot that isn't asked for any."""
    task = task_of(robot)
    if not isinstance(task, VelocityTask):
        raise ConfigError(
            f'`simdist bench adaptation` measures walks at a velocity, and robot {robot.name!r} '
            f'is for task {task.name!r}; name {VelocityTask.name!r} first under its tasks'
        )
    for speed in (*trial.walk_speeds, *trial.judged_speeds):
        task.goal.check(task.ahead(speed))


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
            'rivals': settings.grid.rivals,
            **settings.of_results(),
        },
    )
    for world in worlds:
        # A file that `simdist up --world` reads.
        claim_folder(work / 'worlds' / world.name, world.as_mapping())


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
    say(f'bench: {sum(task in log.results for task in tasks)} of {len(tasks)} tasks are done')
    processes = options.processes or free_cores()
    progress = StudyProgress(list(tasks), log, settings.trial, processes, say)
    do_tasks(setup, tasks, log, processes=processes, say=progress.tell)


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
    sections = {'grid': dataclasses.asdict(settings.grid), **settings.of_results()}
    worlds = [world_name(world) for world in settings.grid.worlds]
    write_report(options.out, log, worlds, about, sections)
