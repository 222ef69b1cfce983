"""The manifest of a folder of transitions: whose they are, and what each shard file is."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from simdist_ros.core.atomic import write_atomic
from simdist_ros.core.errors import ConfigError, SimdistError
from simdist_ros.core.settings import read_yaml
from simdist_ros.embodiment.action_space import JointTarget, action_space_of
from simdist_ros.embodiment.observation import extero_obs_dim
from simdist_ros.embodiment.observation_terms import proprio_obs_dim
from simdist_ros.embodiment.robot import Robot
from simdist_ros.tasks.choice import task_of
from simdist_ros.tasks.velocity.settings import VELOCITY
from simdist_ros.transitions.episode import SCHEMA_VERSION

__all__ = ['MANIFEST', 'DatasetError', 'DatasetManifest', 'ShardInfo', 'read_dataset_manifest']

MANIFEST = 'manifest.yaml'
KIND = 'transitions'  # tells it from a model's manifest
AGAIN = 'collect it again'


class DatasetError(SimdistError):
    """A folder of transitions is damaged, incomplete, or made for something else."""


@dataclass(frozen=True, kw_only=True)
class ShardInfo:
    """One shard file as it was written.

    Attributes:
        file: Its name in the folder.
        sha256: Of its content.
        num_bytes: Its length.
        num_episodes: Whole episodes in it.
        num_transitions: Transitions in it.
    """

    file: str
    sha256: str
    num_bytes: int
    num_episodes: int
    num_transitions: int


@dataclass(frozen=True, kw_only=True)
class DatasetManifest:
    """What ``manifest.yaml`` says.

    Attributes:
        robot: Name of the robot.
        task: What it was asked to do.
        actions: What its actions mean.
        sizes: Of proprio_obs, extero_obs, actions and commands.
        seed: Of all that was random in the collection.
        settings: Whatever else the data depend on, by name.
        complete: Whether the collection has ended.
        shards: In the order they were written.
    """

    kind: str = KIND
    schema_version: int = SCHEMA_VERSION
    robot: str
    task: str = VELOCITY  # where it says none, there was no other
    actions: str = JointTarget.kind  # likewise
    sizes: dict[str, int]
    seed: int = 0
    settings: dict[str, Any] = field(default_factory=dict)
    complete: bool = False
    shards: tuple[ShardInfo, ...] = ()

    def write(self, folder: Path) -> None:
        """Replace the manifest of a folder."""
        values = dataclasses.asdict(self)
        values['shards'] = [dataclasses.asdict(shard) for shard in self.shards]
        write_atomic(folder / MANIFEST, yaml.safe_dump(values, sort_keys=False).encode())


def robot_sizes(robot: Robot) -> dict[str, int]:
    """Return the length of one row of each quantity whose length depends on the robot."""
    return {
        'proprio_obs': proprio_obs_dim(robot),
        'extero_obs': extero_obs_dim(robot),
        'actions': action_space_of(robot).dim,
        'commands': task_of(robot).goal.size,
    }


def read_dataset_manifest(folder: Path, robot: Robot) -> DatasetManifest:
    """Read the manifest of a folder of transitions.

    Raises:
        DatasetError: It is missing or damaged, of another kind, schema version or robot.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise DatasetError(
            f'{path} is missing, so {folder} holds no transitions; collect them first, or check '
            'the path'
        )
    try:
        values = read_yaml(path)
    except ConfigError as error:
        raise DatasetError(f'{error}; {AGAIN}') from None
    check(path, 'kind', values.get('kind'), KIND, 'choose a folder of transitions')
    check(path, 'schema_version', values.get('schema_version'), SCHEMA_VERSION, AGAIN)
    check(path, 'robot', values.get('robot'), robot.name, 'choose data of this robot')
    task = task_of(robot).name
    check(path, 'task', values.get('task', VELOCITY), task, 'choose data of this task')
    actions, known = action_space_of(robot).kind, values.get('actions', JointTarget.kind)
    check(path, 'actions', known, actions, 'choose data of these actions')
    check(path, 'sizes', values.get('sizes'), robot_sizes(robot), f'{AGAIN} for this description')
    try:
        shards = tuple(ShardInfo(**shard) for shard in values.pop('shards'))
        return DatasetManifest(**values, shards=shards)
    except (KeyError, TypeError) as error:
        raise DatasetError(
            f'{path}: not what a manifest of transitions holds ({error}); {AGAIN}'
        ) from None


def check(path: Path, entry: str, found: Any, expected: Any, remedy: str) -> None:
    """Refuse an entry that is not as expected."""
    if found != expected:
        raise DatasetError(f'{path}: {entry} is {found!r}, expected {expected!r}; {remedy}')


def changed_entry(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Say which entry of two mappings differs first, or return an empty text."""
    for name in [*before, *(name for name in now if name not in before)]:
        if before.get(name) != now.get(name):
            return f'{name} was {before.get(name)!r} and is now {now.get(name)!r}'
    return ''
