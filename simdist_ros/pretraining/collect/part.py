"""One part of the data: it depends on the settings and its number alone."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from dataclasses import dataclass
from pathlib import Path

import torch

from simdist_ros.embodiment.robot import Robot
from simdist_ros.pretraining.collect.walkers import Walkers
from simdist_ros.pretraining.expert.files import policy_files
from simdist_ros.pretraining.presets import CollectSettings
from simdist_ros.transitions.shards.dataset import ShardWriter

__all__ = ['Job', 'collect_part', 'hash_of', 'open_part', 'steps_of_part']


@dataclass(frozen=True)
class Job:
    """What a process needs to make a part."""

    robot: Robot
    expert: Path
    out: Path
    settings: CollectSettings
    expert_hash: str


def hash_of(expert: Path) -> str:
    """Return a hash of the expert and its earlier policies."""
    digest = hashlib.sha256()
    for path in policy_files(expert):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def steps_of_part(settings: CollectSettings) -> int:
    """Return how many transitions a part has, as long as no physics diverges."""
    return settings.num_robots * math.ceil(settings.shard_steps / settings.num_robots)


def open_part(job: Job, index: int) -> ShardWriter:
    """Begin a part, or find it as it was left."""
    s = job.settings
    about = {**dataclasses.asdict(s), 'expert': job.expert_hash, 'part': index}
    return ShardWriter(
        job.out / f'part-{index:04d}',
        job.robot,
        seed=s.seed,
        settings=about,
        shard_transitions=2 * steps_of_part(s),  # a part is one shard
    )


def collect_part(job: Job, index: int) -> int:
    """Make one part of the data, unless it is there; return how many transitions it has.

    Raises:
        SimdistError: The expert or the part's folder is damaged.
    """
    s, writer = job.settings, open_part(job, index)
    if not writer.is_complete:
        torch.set_num_threads(1)
        if not writer.num_shards:
            for episode in Walkers(job.robot, job.expert, s, index).episodes():
                writer.add(episode)
        writer.close()
    return writer.num_transitions
