"""The benchmark of adaptation: ``simdist bench adaptation``."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
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
from simdist_ros.studies.ceilings import check_ceilings, claim_ceilings, missing_ceiling
from simdist_ros.studies.fitting import fit_settings
from simdist_ros.studies.job_pool import Setup, do_jobs
from simdist_ros.studies.jobs import list_jobs
from simdist_ros.studies.options import BenchOptions
from simdist_ros.studies.progress import StudyProgress
from simdist_ros.studies.report import write_report
from simdist_ros.studies.results import ResultLog
from simdist_ros.studies.settings import (
    NOMINAL,
    BenchSettings,
    bench_world,
    read_settings,
    world_name,
)
from simdist_ros.studies.tables import Words
from simdist_ros.tasks.choice import task_of
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
    for name in names:
        bench_world(name, settings.trial)
    parent, robot = load(options.model, options.robot)
    settings, left_out = fit_settings(settings, robot, parent)
    worlds = [bench_world(name, settings.trial) for name in names]
    for world in worlds:
        check_world(robot, world)
    check_ceilings(settings.grid, parent.model)
    for reason in left_out:
        say(f'bench: {reason}')
    if options.only_report and not (options.work / 'results.jsonl').is_file():
        raise ConfigError(f'{options.work} holds no results yet; run it without --only-report')
    check_folder(options.work, '--work')
    check_folder(options.out, '--out')
    with lock_folder(options.work):
        claim(options.work, parent, robot, settings, worlds)
        claim_ceilings(options.work, settings.grid)
        log = ResultLog(options.work / 'results.jsonl')
        try:
            if not options.only_report:
                run(options, parent, robot, settings, log, say)
        finally:
            if log.results:
                report(options, command, parent, robot, settings, left_out, log)
                say(f'bench: wrote {options.out / "report.md"}')


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
            'speeds': task_of(robot).speeds(settings.grid.speeds),
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
    jobs = list_jobs(settings.grid, settings.trial)
    setup = Setup(
        robot=str(robot.source),
        model=parent.folder.resolve(),
        work=options.work,
        settings=settings,
    )
    say(f'bench: {sum(job in log.results for job in jobs)} of {len(jobs)} jobs are done')
    processes = options.processes or free_cores()
    progress = StudyProgress(list(jobs), log, settings, processes, say)
    do_jobs(setup, jobs, log, processes=processes, say=progress.tell)


def report(
    options: BenchOptions,
    command: str,
    parent: LoadedModel,
    robot: Robot,
    settings: BenchSettings,
    left_out: Sequence[str],
    log: ResultLog,
) -> None:
    """Write the report of what there is."""
    manifest, task = parent.manifest, task_of(robot)
    jobs = list_jobs(settings.grid, settings.trial)
    done = sum(job in log.results for job in jobs)
    about: dict[str, Any] = {
        'command': f'`{command}`',
        'model': f'{parent.folder.name} [{manifest.identity}], {manifest.created_by}',
        **about_machine(),
        'done': f'{done} of {len(jobs)} jobs, {sum(log.seconds.values()) / 3600.0:.1f} hours '
        'of one core in all',
    }
    if left_out:
        about['left out'] = '; '.join(left_out)
    sections = {'grid': dataclasses.asdict(settings.grid), **settings.of_results()}
    worlds = {world_name(world): world for world in settings.grid.worlds}
    words = Words(
        progress_is=task.progress_is,
        error_unit=task.error_unit,
        unit=task.unit,
        can_fail=task.can_fail,
        no_ceiling={
            name: why_not
            for name, world in worlds.items()
            if (why_not := missing_ceiling(settings.grid, world))
        },
    )
    write_report(options.out, log, list(worlds), about, sections, words)
