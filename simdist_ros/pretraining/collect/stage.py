"""Data for the world model: good and bad walks, with what they were worth.

Each part of the data depends on the settings and on its number alone, so that parts may be made in
any order, by any number of processes or by the machines of a Ray cluster, and again after a kill.
One `run_collect` at a time works on a folder.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from concurrent.futures import as_completed
from pathlib import Path

from tqdm import tqdm

from simdist_ros.core.errors import CheckpointError
from simdist_ros.embodiment.robot import Robot
from simdist_ros.jobs.stage_folder import claim_folder
from simdist_ros.jobs.worker_pool import worker_pool
from simdist_ros.pretraining.collect.part import (
    Job,
    collect_part,
    hash_of,
    open_part,
    steps_of_part,
)
from simdist_ros.pretraining.collect.ray import make_parts_with_ray
from simdist_ros.pretraining.expert.files import EXPERT
from simdist_ros.pretraining.presets import CollectSettings
from simdist_ros.pretraining.recipe import load_recipe

__all__ = ['run_collect']


def run_collect(
    robot: Robot,
    expert: Path,
    out: Path,
    settings: CollectSettings,
    *,
    processes: int = 1,
    ray: str = '',
    shows_progress: bool = True,
) -> Path:
    """Collect data, or go on with what was begun.

    Args:
        robot: Whose; its description names a recipe.
        expert: Folder of a finished expert.
        out: Folder of this stage, new or begun with the same settings and expert. Each part is a
            dataset of one shard; `open_dataset` reads the folder as one.
        settings: How much and how.
        processes: How many parts are made at once, one core each.
        ray: Address of a Ray cluster that makes them instead.
        shows_progress: Draw a progress bar with the time left.

    Returns:
        The folder.

    Raises:
        SimdistError: The expert is missing or of another robot, or the folder holds something
            else or was begun with other settings or another expert.
    """
    recipe = load_recipe(robot)
    if not (expert / EXPERT).is_file():
        raise CheckpointError(
            f'{expert / EXPERT} is missing; run `simdist pretrain expert` to its end first'
        )
    job = Job(robot, expert, out, settings, hash_of(expert))
    claim_folder(
        out,
        {
            'stage': 'collect',
            'robot': robot.name,
            'settings': dataclasses.asdict(settings),
            'recipe': recipe.as_mapping(),
            'expert': job.expert_hash,
        },
    )
    count = math.ceil(settings.total_steps / settings.shard_steps)
    for index in range(count):
        open_part(job, index)  # so that the data are not complete before all parts are
    with tqdm(
        total=count * steps_of_part(settings),
        unit='transition',
        unit_scale=True,
        desc='collect',
        disable=not shows_progress,
    ) as bar:
        parts = make_parts_with_ray(job, count, ray) if ray else make_parts(job, count, processes)
        for made in parts:
            bar.update(made)
    return out


def make_parts(job: Job, count: int, processes: int) -> Iterator[int]:
    """Make all parts that are not there yet; yield how many transitions each has."""
    if processes == 1:
        yield from (collect_part(job, index) for index in range(count))
        return
    with worker_pool(processes) as pool:
        futures = [pool.submit(collect_part, job, index) for index in range(count)]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
