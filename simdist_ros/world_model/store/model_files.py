"""What a model folder holds, found and verified as far as that needs no PyTorch."""

from __future__ import annotations

from pathlib import Path

import yaml

from simdist_ros.core.errors import CheckpointError, ConfigError, unknown_name
from simdist_ros.core.share import share_folder
from simdist_ros.embodiment.action_space import action_space_of
from simdist_ros.embodiment.observation_terms import proprio_obs_dim
from simdist_ros.embodiment.robot import Robot
from simdist_ros.tasks.choice import task_of
from simdist_ros.world_model.architecture import Architecture
from simdist_ros.world_model.encoders.sizes import sizes_for
from simdist_ros.world_model.store.manifest import (
    MANIFEST,
    Manifest,
    find_file,
    read_manifest,
    sha256,
)

__all__ = [
    'AGAIN',
    'ARCHITECTURE',
    'FILES',
    'PARTS',
    'WEIGHTS',
    'check_model',
    'check_robot',
    'find_model',
    'read_architecture',
    'read_verified',
]

ARCHITECTURE = 'model.yaml'
PARTS = ('encoder', 'dynamics', 'heads', 'normalizer')
WEIGHTS = {part: f'{part}.safetensors' for part in PARTS}
FILES = (ARCHITECTURE, *WEIGHTS.values())
AGAIN = 'import the model or train it again'


def find_model(name_or_path: str | Path) -> Path:
    """Return the folder of a model that ships, by name, or of any model, by path.

    Raises:
        CheckpointError: There is none.
    """
    path = Path(name_or_path).expanduser()
    models = share_folder() / 'models'
    known = [manifest.parent.name for manifest in models.glob(f'*/{MANIFEST}')]
    if str(path) in known:
        return models / path
    if path.is_dir():
        return path
    if len(path.parts) == 1:
        raise CheckpointError(unknown_name('model', path.name, known))
    raise CheckpointError(f'{path}: there is no such model folder; check the path')


def check_model(folder: Path, robot: Robot) -> None:
    """Refuse a model with damaged files or for another robot, in a fraction of a loading's time.

    Raises:
        CheckpointError: Something is missing, damaged, too new, or for another robot.
    """
    manifest = read_manifest(folder)
    names = dict.fromkeys([*FILES, *manifest.files])
    content = {name: read_verified(folder, manifest, name) for name in names}
    architecture = read_architecture(content[ARCHITECTURE], folder / ARCHITECTURE)
    check_robot(folder, manifest, architecture, robot)


def read_verified(folder: Path, manifest: Manifest, name: str) -> bytes:
    """Return a file's content if it has the hash that the manifest gives."""
    expected = manifest.files.get(name)
    if expected is None:
        raise CheckpointError(
            f'{folder / MANIFEST}: {name} is not listed, expected {", ".join(FILES)}; '
            'import the model or train it again'
        )
    path = find_file(folder, name)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f'{path}: cannot be read ({error}); check its permissions') from None
    found = sha256(data)
    if found != expected:
        raise CheckpointError(
            f'{path}: SHA-256 is {found[:12]}..., expected {expected[:12]}... from the manifest; '
            'the file was changed or damaged: restore it, or import the model or train it again'
        )
    return data


def read_architecture(data: bytes, path: Path) -> Architecture:
    """Parse the content of ``model.yaml``."""
    try:
        return Architecture.from_mapping(yaml.safe_load(data), str(path))
    except ConfigError as error:
        raise CheckpointError(f'{error}; {AGAIN}') from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = ' '.join(str(error).split())
        raise CheckpointError(f'{path}: not valid YAML ({reason}); {AGAIN}') from None


def check_robot(
    folder: Path, manifest: Manifest, architecture: Architecture, robot: Robot
) -> None:
    """Refuse a model for another robot, or for another version of this one."""
    if manifest.robot != robot.name:
        raise CheckpointError(
            f'{folder / MANIFEST}: the model is for robot {manifest.robot!r}, expected '
            f'{robot.name!r}; choose a model of this robot'
        )
    task = task_of(robot)
    if manifest.task != task.name:
        raise CheckpointError(
            f'{folder / MANIFEST}: the model is for task {manifest.task!r}, expected '
            f'{task.name!r}; choose a model of this task'
        )
    actions = action_space_of(robot)
    if manifest.actions != actions.kind:
        raise CheckpointError(
            f'{folder / MANIFEST}: the actions of the model are {manifest.actions!r}, those of '
            f'robot {robot.name!r} are {actions.kind!r}; choose a model of these actions, or '
            'change tool_delta in the description'
        )
    sizes = {
        'action_dim': actions.dim,
        'proprio_obs_dim': proprio_obs_dim(robot),
        'command_dim': task.goal.size,
        **sizes_for(robot),
    }
    for name, expected in sizes.items():
        found = getattr(architecture, name)
        if found != expected:
            raise CheckpointError(
                f'{folder / "model.yaml"}: {name} is {found}, but robot {robot.name!r} has '
                f'{expected}; choose a model of this robot'
            )
