"""Folders of transitions: written shard by shard, read without loading them.

``manifest.yaml`` names the shards that are complete; whatever else lies there was being written
when its writer died, and the next writer removes it. A dataset may also be a folder of such
folders, so that several processes or machines can each write their own.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from simdist_ros.core.atomic import TEMPORARY_SUFFIX, write_atomic
from simdist_ros.embodiment.action_space import action_space_of
from simdist_ros.embodiment.robot import Robot
from simdist_ros.tasks.choice import task_of
from simdist_ros.transitions.episode import Episode
from simdist_ros.transitions.shards.file import OPTIONAL, Shard, map_shard, pack_episodes
from simdist_ros.transitions.shards.manifest import (
    AGAIN,
    MANIFEST,
    DatasetError,
    DatasetManifest,
    ShardInfo,
    changed_entry,
    read_dataset_manifest,
    robot_sizes,
)

__all__ = ['Dataset', 'DatasetError', 'ShardWriter', 'open_dataset', 'shard_number']

SHARD_TRANSITIONS = 65_536  # some 55 MB for a Go2
BLOCK_BYTES = 1 << 22
SHARD_PATTERN = 'shard-*.safetensors'


class ShardWriter:
    """Appends episodes to a folder of transitions."""

    def __init__(
        self,
        folder: Path,
        robot: Robot,
        *,
        seed: int = 0,
        settings: Mapping[str, Any] | None = None,
        shard_transitions: int = SHARD_TRANSITIONS,
    ) -> None:
        """Begin, or go on after the last complete shard.

        Args:
            folder: Where to; it is made.
            robot: Whose transitions they are.
            seed: Of all that is random in them.
            settings: Whatever else they depend on, plain numbers and texts by name; a folder
                that was begun with others is refused.
            shard_transitions: A shard is written when it has this many.

        Raises:
            DatasetError: The folder holds something else, or was begun differently.
        """
        self.folder = folder
        self.shard_transitions = shard_transitions
        self.manifest = begin(folder, robot, seed, dict(settings or {}))
        self.waiting: list[Episode] = []
        self.num_waiting = 0

    def __enter__(self) -> ShardWriter:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self.close()

    @property
    def num_shards(self) -> int:
        """Complete shards."""
        return len(self.manifest.shards)

    @property
    def next_number(self) -> int:
        """Number of the next shard; those of dropped ones are not used again."""
        shards = self.manifest.shards
        return shard_number(shards[-1]) + 1 if shards else 0

    @property
    def num_episodes(self) -> int:
        """Episodes in complete shards."""
        return sum(shard.num_episodes for shard in self.manifest.shards)

    @property
    def num_transitions(self) -> int:
        """Transitions in complete shards."""
        return sum(shard.num_transitions for shard in self.manifest.shards)

    @property
    def is_complete(self) -> bool:
        """Whether an earlier writer of the folder was closed and nothing was added since."""
        return self.manifest.complete

    def add(self, episode: Episode) -> None:
        """Append an episode; a shard that is full is written.

        Raises:
            DatasetError: The episode is empty, of another robot, or has other labels than those
                before it.
        """
        self.check(episode)
        self.waiting.append(episode)
        self.num_waiting += episode.num_steps
        if self.num_waiting >= self.shard_transitions:
            self.flush()

    def check(self, episode: Episode) -> None:
        """Refuse an episode that does not belong here."""
        if episode.num_steps == 0:
            raise DatasetError(f'{self.folder}: an episode without a step cannot be added')
        for name, size in self.manifest.sizes.items():
            found = getattr(episode, name).shape[1]
            if found != size:
                raise DatasetError(
                    f'{self.folder}: an episode has {name} of size {found}, expected {size} for '
                    f'robot {self.manifest.robot!r}'
                )
        if self.waiting and labels(self.waiting[0]) != labels(episode):
            raise DatasetError(
                f'{self.folder}: an episode has the labels {labels(episode)}, expected '
                f'{labels(self.waiting[0])} as in the one before it'
            )

    def flush(self) -> None:
        """Write what is waiting as a shard of its own."""
        if not self.waiting:
            return
        data = pack_episodes(self.waiting)
        info = ShardInfo(
            file=f'shard-{self.next_number:05d}.safetensors',
            sha256=hashlib.sha256(data).hexdigest(),
            num_bytes=len(data),
            num_episodes=len(self.waiting),
            num_transitions=self.num_waiting,
        )
        write_atomic(self.folder / info.file, data)
        self.update(shards=(*self.manifest.shards, info), complete=False)
        self.waiting, self.num_waiting = [], 0

    def drop_oldest(self) -> None:
        """Forget the oldest shard, and then delete its file."""
        oldest, *others = self.manifest.shards
        self.update(shards=tuple(others))
        (self.folder / oldest.file).unlink(missing_ok=True)

    def close(self) -> None:
        """Write the last shard and declare the dataset complete."""
        self.flush()
        self.update(complete=True)

    def update(self, **entries: Any) -> None:
        """Change entries of the manifest."""
        self.manifest = dataclasses.replace(self.manifest, **entries)
        self.manifest.write(self.folder)


def shard_number(info: ShardInfo) -> int:
    """Return the number in a shard's file name."""
    return int(info.file.removeprefix('shard-').removesuffix('.safetensors'))


def labels(episode: Episode) -> list[str]:
    """Return which optional arrays an episode has."""
    return [name for name in OPTIONAL if getattr(episode, name) is not None]


def begin(folder: Path, robot: Robot, seed: int, settings: dict[str, Any]) -> DatasetManifest:
    """Return the manifest of a folder, begun anew or as it is, without half-written shards."""
    if folder.exists() and not folder.is_dir():
        raise DatasetError(f'{folder} is a file; choose a folder for the transitions')
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / MANIFEST).exists():
        manifest = read_dataset_manifest(folder, robot)
        before = {'seed': manifest.seed, **manifest.settings}
        changed = changed_entry(before, {'seed': seed, **settings})
        if changed:
            raise DatasetError(
                f'{folder} was begun with other settings: {changed}; choose another folder, or '
                'the settings it was begun with'
            )
    else:
        refuse_foreign(folder)
        manifest = DatasetManifest(
            robot=robot.name,
            task=task_of(robot).name,
            actions=action_space_of(robot).kind,
            sizes=robot_sizes(robot),
            seed=seed,
            settings=settings,
        )
        manifest.write(folder)
    complete = {shard.file for shard in manifest.shards}
    for path in folder.glob(SHARD_PATTERN):
        if path.name not in complete:
            path.unlink()
    return manifest


def refuse_foreign(folder: Path) -> None:
    """Refuse a folder that holds something else."""
    for path in sorted(folder.iterdir()):
        if path.suffix != TEMPORARY_SUFFIX:
            raise DatasetError(
                f'{folder} holds something else than transitions ({path.name}); choose another '
                'folder'
            )


@dataclass(frozen=True)
class Part:
    """A folder with a manifest of its own."""

    folder: Path
    manifest: DatasetManifest


@dataclass(frozen=True)
class Dataset:
    """Transitions on disk; opened with `open_dataset`."""

    parts: tuple[Part, ...]

    @property
    def is_complete(self) -> bool:
        """Whether every part's writer was closed."""
        return all(part.manifest.complete for part in self.parts)

    @property
    def num_episodes(self) -> int:
        """Episodes in all shards."""
        return sum(info.num_episodes for info in self.infos)

    @property
    def num_transitions(self) -> int:
        """Transitions in all shards."""
        return sum(info.num_transitions for info in self.infos)

    @property
    def infos(self) -> list[ShardInfo]:
        """What the manifests say of the shards."""
        return [info for part in self.parts for info in part.manifest.shards]

    @cached_property
    def shards(self) -> tuple[Shard, ...]:
        """All shards, mapped."""
        return tuple(
            map_shard(part.folder, info) for part in self.parts for info in part.manifest.shards
        )

    def episodes(self) -> Iterator[Episode]:
        """Read the episodes one after the other, in the order they were written."""
        for shard in self.shards:
            for index in range(len(shard.num_steps)):
                yield shard.episode(index)

    def fingerprint(self) -> str:
        """Return a hash that is the same for the same transitions, (8 hex digits)."""
        joined = ''.join(info.sha256 for info in self.infos)
        return hashlib.sha256(joined.encode()).hexdigest()[:8]


def open_dataset(folder: Path, robot: Robot, *, checks_hashes: bool = True) -> Dataset:
    """Open a folder of transitions, or a folder of such folders.

    Args:
        folder: Where they are.
        robot: Whose they must be.
        checks_hashes: Read each shard once and compare its SHA-256, about a second per
            gigabyte; its length is always compared.

    Raises:
        DatasetError: There are none, they are of another robot or schema version, or a shard is
            missing, truncated or damaged.
    """
    nested = sorted(path.parent for path in folder.glob(f'*/{MANIFEST}'))
    folders = nested if nested and not (folder / MANIFEST).exists() else [folder]
    parts = tuple(Part(path, read_dataset_manifest(path, robot)) for path in folders)
    dataset = Dataset(parts)
    if not dataset.num_transitions:
        raise DatasetError(f'{folder} holds no complete shard, expected at least one; {AGAIN}')
    _ = dataset.shards
    if checks_hashes:
        for part in parts:
            for info in part.manifest.shards:
                check_hash(part.folder / info.file, info.sha256)
    return dataset


def check_hash(path: Path, expected: str) -> None:
    """Refuse a shard whose content has changed."""
    digest = hashlib.sha256()
    with path.open('rb') as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
    found = digest.hexdigest()
    if found != expected:
        raise DatasetError(
            f'{path}: SHA-256 is {found[:12]}..., expected {expected[:12]}... from the manifest; '
            f'restore it, or delete the folder and {AGAIN}'
        )
