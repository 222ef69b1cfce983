"""What a robot has lived through lately: whole episodes on disk, each with a role for good."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.robot import Robot
from simdist_ros.transitions.episode import Episode
from simdist_ros.transitions.shards.dataset import Dataset, ShardWriter, open_dataset, shard_number
from simdist_ros.transitions.shards.file import Shard, hold_episodes

__all__ = ['InMemoryEpisodes', 'Replay', 'Role', 'episodes_by_role']

MAX_BYTES = 256 << 20  # of a Go2, some fifty minutes


class Role(Enum):
    """What an episode is for; no episode ever changes it."""

    TRAIN = 'train'  # training split
    STOP = 'stop'  # its error says when to stop
    JUDGE = 'judge'  # test split: its error decides whether the result is accepted


# By the number of the episode, over and over, so that live and offline the roles are the same.
# What judges and stops comes early, because the first minute must do, but not first, because a
# walk begins unlike it goes on.
EARLY = (Role.TRAIN, Role.JUDGE, Role.STOP)
ROLES = (*EARLY, Role.TRAIN, Role.JUDGE, Role.TRAIN, Role.STOP, *[Role.TRAIN] * 3)


def episodes_by_role(numbers: Sequence[int]) -> dict[Role, NDArray[np.int64]]:
    """Return the places of the episodes of each role.

    Args:
        numbers: How many came before each episode, ever.
    """
    roles = [ROLES[number % len(ROLES)] for number in numbers]
    return {
        role: np.array([place for place, r in enumerate(roles) if r is role], dtype=np.int64)
        for role in Role
    }


@dataclass(frozen=True)
class InMemoryEpisodes:
    """Episodes in memory, read like a dataset on disk; number and place are the same."""

    episodes: tuple[Episode, ...]

    @cached_property
    def shards(self) -> tuple[Shard, ...]:
        """All of them as one shard."""
        return (hold_episodes(self.episodes),)

    @property
    def numbers(self) -> list[int]:
        """How many episodes came before each."""
        return list(range(len(self.episodes)))


class Replay:
    """A folder of episodes, one file each; the oldest go when it becomes too large."""

    def __init__(self, folder: Path, robot: Robot, *, max_bytes: int = MAX_BYTES) -> None:
        """Begin, or go on with what an earlier process has left.

        Raises:
            DatasetError: The folder holds something else, or is of another robot.
            ConfigError: `max_bytes` leaves room for nothing.
        """
        if max_bytes <= 0:
            raise ConfigError(f'max_bytes is {max_bytes}; it must be positive')
        self.robot, self.max_bytes = robot, max_bytes
        self.writer = ShardWriter(folder, robot, shard_transitions=1)

    @property
    def num_bytes(self) -> int:
        """Size of all episodes."""
        return sum(shard.num_bytes for shard in self.writer.manifest.shards)

    @property
    def num_episodes(self) -> int:
        """Episodes kept."""
        return self.writer.num_episodes

    def add(self, episode: Episode) -> None:
        """Write an episode; it is on the disk when this returns.

        Raises:
            DatasetError: It is of another robot.
            OSError: The disk refuses; what was there stays.
        """
        try:
            self.writer.add(episode)
        except OSError:
            self.writer.waiting, self.writer.num_waiting = [], 0
            raise
        while self.num_bytes > self.max_bytes and self.num_episodes > 1:
            self.writer.drop_oldest()

    def dataset(self) -> Dataset:
        """Open what is there now.

        Raises:
            DatasetError: Nothing is, or it is damaged.
        """
        return open_dataset(self.writer.folder, self.robot, checks_hashes=False)

    @property
    def numbers(self) -> list[int]:
        """How many episodes came before each, those that were dropped included."""
        return [shard_number(shard) for shard in self.writer.manifest.shards]
