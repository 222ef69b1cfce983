"""Walk for data: the transitions that a bag of the same walks would give, as shards."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.robot import Robot
from simdist_ros.evaluation.planned_walk import PlannedWalk, episodes_of_walk, walk
from simdist_ros.studies.jobs import DATA, MAX_WALKS, Collect, walk_seed
from simdist_ros.studies.settings import BenchSettings, bench_world
from simdist_ros.tasks.choice import task_of
from simdist_ros.transitions.episode import Episode
from simdist_ros.transitions.shards.dataset import ShardWriter, open_dataset
from simdist_ros.transitions.shards.replay import InMemoryEpisodes
from simdist_ros.world_model.model import WorldModel

__all__ = ['CollectResult', 'collect', 'first_minutes']


@dataclass(frozen=True, kw_only=True)
class CollectResult:
    """What was collected.

    Attributes:
        walks: Walks done.
        falls: Those that ended in a fall, as the sensors saw it.
        episodes: Pieces of them, as the training reads them.
        minutes: Transitions, as time.
    """

    walks: int
    falls: int
    episodes: int
    minutes: float


def collect(
    robot: Robot, model: WorldModel, settings: BenchSettings, job: Collect, folder: Path
) -> CollectResult:
    """Walk, stand up again and walk, until there are so many minutes of transitions.

    Each walk has a folder of its own in `folder`: what an earlier run has finished stays.

    Raises:
        ConfigError: The robot falls too soon for so much data.
        DatasetError: The folder holds something else.
    """
    task, trial = task_of(robot), settings.trial
    world, speeds = bench_world(job.world, trial), task.speeds(trial.walk_speeds)
    mppi = dataclasses.replace(settings.mppi, explore_share=trial.explore_share)
    wanted = 60.0 * job.minutes * robot.control_rate_hz
    transitions = episodes = falls = walks = 0
    while transitions < wanted:
        if walks == MAX_WALKS:
            raise ConfigError(
                f'{folder}: {walks} walks gave {transitions} of {wanted:.0f} transitions; the '
                'robot falls too soon in this world: make it easier, or ask for less'
            )
        seed = walk_seed(DATA, job.seed, walks)
        speed = speeds[walks % len(speeds)]
        asked = PlannedWalk(
            world=world,
            seed=seed,
            command=tuple(task.trial(speed, seed).tolist()),
            seconds=trial.walk_s,
            heading_gain=trial.heading_gain,
        )
        about = {
            'world': world.name,
            'command': list(asked.command),
            'seconds': asked.seconds,
            'heading_gain': asked.heading_gain,
        }
        name = folder / f'walk_{walks:04d}'
        with ShardWriter(name, robot, seed=asked.seed, settings=about) as writer:
            if not writer.is_complete:
                while writer.num_shards:  # killed between the last shard and the end
                    writer.drop_oldest()
                ticks = walk(robot, model, mppi, asked)
                for episode in episodes_of_walk(robot, settings.bags, ticks):
                    writer.add(episode)
        walks += 1
        transitions += writer.num_transitions
        episodes += writer.num_episodes
        falls += has_fallen(name, robot) if writer.num_episodes else 0
    minutes = transitions / robot.control_rate_hz / 60.0
    return CollectResult(walks=walks, falls=falls, episodes=episodes, minutes=minutes)


def has_fallen(folder: Path, robot: Robot) -> bool:
    """Tell whether a walk's last episode ended in a fall."""
    shard = open_dataset(folder, robot, checks_hashes=False).shards[-1]
    return bool(shard.terminated[-1])


def first_minutes(folder: Path, robot: Robot, minutes: float) -> InMemoryEpisodes:
    """Read the first episodes that make up so many minutes, the last one whole.

    Raises:
        DatasetError: They are not there, or damaged.
    """
    wanted = 60.0 * minutes * robot.control_rate_hz
    kept: list[Episode] = []
    total = 0
    for episode in open_dataset(folder, robot, checks_hashes=False).episodes():
        kept.append(episode)
        total += episode.num_steps
        if total >= wanted:
            break
    return InMemoryEpisodes(tuple(kept))
