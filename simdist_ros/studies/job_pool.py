"""Do the jobs: one after the other, or spread over processes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from simdist_ros.core.errors import SimdistError
from simdist_ros.embodiment.robot import load_robot
from simdist_ros.jobs.worker_pool import worker_pool
from simdist_ros.studies.ceilings import ceiling_file, with_ceiling
from simdist_ros.studies.collect import collect
from simdist_ros.studies.finetuning import adapt_model
from simdist_ros.studies.jobs import HELD_OUT, Adapt, Collect, Job
from simdist_ros.studies.judging import judge
from simdist_ros.studies.methods import CEILING, PARTS
from simdist_ros.studies.parts import part_of
from simdist_ros.studies.results import Result, ResultLog
from simdist_ros.studies.settings import BenchSettings, world_name
from simdist_ros.world_model.store.checkpoint import load_model

__all__ = ['Setup', 'do_jobs']

Done = tuple[Job, Result, float]  # with the CPU seconds that it took


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What each process needs.

    Attributes:
        robot: Path of its description.
        model: Folder of the model as it came.
        work: Folder of data and adapted models.
        settings: Of the benchmark.
    """

    robot: str
    model: Path
    work: Path
    settings: BenchSettings

    def data(self, world: str, seed: int) -> Path:
        """Return the folder of a seed's data."""
        kind = 'held_out' if seed == HELD_OUT else str(seed)
        return self.work / 'data' / f'{world_name(world)}-{kind}'

    def candidate(self, job: Adapt) -> Path:
        """Return the folder of an adapted model."""
        return self.work / 'models' / job.name


PROCESS: dict[str, Any] = {}  # what this process has loaded


def start(setup: Setup) -> None:
    """Prepare a process."""
    torch.set_num_threads(1)
    robot = load_robot(setup.robot)
    PROCESS.update(setup=setup, robot=robot, parent=load_model(setup.model, robot))


def do(job: Job) -> tuple[Result, float]:
    """Do one job in a prepared process."""
    began = time.process_time()
    return perform(job), time.process_time() - began


def perform(job: Job) -> Result:
    """Return what came of a job."""
    setup: Setup = PROCESS['setup']
    robot, parent, settings = PROCESS['robot'], PROCESS['parent'], setup.settings
    if isinstance(job, Collect):
        folder = setup.data(job.world, job.seed)
        return collect(robot, parent.model, settings, job, folder)
    if isinstance(job, Adapt):
        data = setup.data(job.source, job.seed)
        return adapt_model(robot, parent, settings, job, data, setup.candidate(job))
    loaded = parent if job.model is None else load_model(setup.candidate(job.model), robot)
    model = loaded.model
    if job.method == CEILING:
        model = with_ceiling(model, ceiling_file(settings.grid, job.world))
    elif job.method in PARTS:
        model = part_of(parent.model, model, job.method)
    return judge(robot, model, settings, job, setup.data(job.world, HELD_OUT))


def do_jobs(
    setup: Setup,
    jobs: Mapping[Job, tuple[Job, ...]],
    log: ResultLog,
    *,
    processes: int,
    say: Callable[[Job, Result], None],
) -> None:
    """Do all jobs that are not done.

    Args:
        setup: What they need.
        jobs: Each with those that it needs, which come before it.
        log: Where the results go.
        processes: How many at once; 1 is this one.
        say: Told each job when it is done.

    Raises:
        SimdistError: One cannot be done, or a process was killed; what is done stays.
    """
    missing = {job: needs for job, needs in jobs.items() if job not in log.results}
    found = in_turn(setup, missing) if processes == 1 else at_once(setup, missing, log, processes)
    for job, result, seconds in found:
        log.add(job, result, seconds)
        say(job, result)


def in_turn(setup: Setup, jobs: Mapping[Job, tuple[Job, ...]]) -> Iterator[Done]:
    """Do them in this process."""
    threads = torch.get_num_threads()
    start(setup)
    try:
        for job in jobs:
            yield job, *do(job)
    finally:
        torch.set_num_threads(threads)


def at_once(
    setup: Setup, jobs: Mapping[Job, tuple[Job, ...]], log: ResultLog, processes: int
) -> Iterator[Done]:
    """Do them in processes, each as soon as what it needs is in the log."""
    waiting = dict(jobs)
    with worker_pool(processes, start, setup) as pool:
        running: dict[Future[tuple[Result, float]], Job] = {}
        try:
            while waiting or running:
                ready = (t for t, needs in waiting.items() if set(needs) <= set(log.results))
                for job in list(islice(ready, processes - len(running))):
                    del waiting[job]
                    running[pool.submit(do, job)] = job
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    job = running.pop(future)
                    yield job, *future.result()
        except BrokenProcessPool:
            raise SimdistError(
                'a process of the benchmark was killed, perhaps for its memory; the same command '
                'goes on where it was'
            ) from None
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
