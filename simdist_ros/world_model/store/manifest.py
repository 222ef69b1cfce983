"""The manifest of a model folder: what each file is, where it came from, how good it was."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from simdist_ros.core.errors import CheckpointError, ConfigError, unknown_name
from simdist_ros.core.settings import read_yaml
from simdist_ros.world_model.part_names import ADAPTED, SWAPPABLE

__all__ = [
    'FORMAT_VERSION',
    'MANIFEST',
    'Manifest',
    'find_file',
    'parent_folder',
    'read_manifest',
    'sha256',
]

FORMAT_VERSION = 1
MANIFEST = 'manifest.yaml'


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What ``manifest.yaml`` says.

    Attributes:
        format_version: Of the folder's layout; a newer one than `FORMAT_VERSION` is refused.
        robot: Name of the robot that the model is for.
        task: Name of the task that it was trained for.
        actions: What its actions mean, the `kind` of an `ActionSpace`.
        created_by: What made the model.
        parent: The model that this one was adapted from, a path relative to its folder, or empty.
            Files that are not in the folder are the parent's.
        files: SHA-256 of each file, the parent's included.
        metrics: The numbers that the model was accepted with.
        parent_identity: The parent's `identity` when this model was made, or empty.
        adaptation: How it was made from its parent: method, bags, settings, verdict and figures.
        swappable: The parts that another model may exchange while this one plans; its adapted
            models inherit them.
    """

    format_version: int = FORMAT_VERSION
    robot: str
    task: str = 'velocity'  # of a model made before there were others
    actions: str = 'joint_target'  # likewise
    created_by: str
    parent: str = ''
    files: dict[str, str]
    metrics: dict[str, float] = field(default_factory=dict)
    parent_identity: str = ''
    adaptation: dict[str, Any] = field(default_factory=dict)
    swappable: list[str] = field(default_factory=lambda: list(ADAPTED))

    @property
    def identity(self) -> str:
        """A hash of all weights, 12 hex digits; the same for a copy wherever it lies."""
        return sha256(''.join(sorted(self.files.values())).encode())[:12]

    def to_yaml(self) -> bytes:
        """Return the content of ``manifest.yaml``."""
        text: str = yaml.safe_dump(dataclasses.asdict(self), sort_keys=False)
        return text.encode()


def sha256(data: bytes) -> str:
    """Return the hash that a manifest gives of a file."""
    return hashlib.sha256(data).hexdigest()


def read_manifest(folder: Path) -> Manifest:
    """Read and check the manifest of a model folder.

    Raises:
        CheckpointError: The folder or its manifest is missing, damaged or too new.
    """
    path = folder / MANIFEST
    if not folder.is_dir():
        raise CheckpointError(f'{folder}: there is no such model folder; check the path')
    if not path.is_file():
        raise CheckpointError(
            f'{path} is missing, so the model is incomplete; import it or train it again'
        )
    try:
        values = read_yaml(path)
    except ConfigError as error:
        raise CheckpointError(f'{error}; import the model or train it again') from None
    check_version(path, values.get('format_version'))
    return parse(path, values)


def check_version(path: Path, version: Any) -> None:
    """Refuse a format that this code does not know."""
    if type(version) is not int or version < 1:
        raise CheckpointError(
            f'{path}: format_version is {version!r}, expected 1 .. {FORMAT_VERSION}; '
            'import the model or train it again'
        )
    if version > FORMAT_VERSION:
        raise CheckpointError(
            f'{path}: format_version is {version}, expected at most {FORMAT_VERSION}; '
            'install a newer simdist_ros'
        )


def parse(path: Path, values: dict[str, Any]) -> Manifest:
    """Build a manifest from the entries of its file."""
    types = {'robot': str, 'created_by': str, 'parent': str, 'files': dict, 'metrics': dict}
    types |= {name: str for name in ('task', 'actions') if name in values}
    if values.get('adaptation'):
        types |= {'parent_identity': str, 'adaptation': dict}
    for name, kind in types.items():
        if not isinstance(values.get(name), kind):
            raise CheckpointError(
                f'{path}: entry {name!r} is {values.get(name)!r}, expected a {kind.__name__}; '
                'import the model or train it again'
            )
    if not all(isinstance(item, str) for pair in values['files'].items() for item in pair):
        raise CheckpointError(
            f"{path}: entry 'files' must give the SHA-256 of each file by name; "
            'import the model or train it again'
        )
    check_swappable(path, values.get('swappable', []))
    known = {field.name for field in dataclasses.fields(Manifest)}
    return Manifest(**{name: value for name, value in values.items() if name in known})


def check_swappable(path: Path, parts: Any) -> None:
    """Refuse what does not list parts of a model."""
    if not isinstance(parts, list):
        raise CheckpointError(
            f"{path}: entry 'swappable' is {parts!r}; it must list parts: {', '.join(SWAPPABLE)}"
        )
    for part in parts:
        if part not in SWAPPABLE:
            raise CheckpointError(
                f'{path}: {unknown_name("swappable part", str(part), SWAPPABLE)}'
            )


def parent_folder(folder: Path, parent: str) -> Path:
    """Return where a manifest's `parent` lies; the folder itself need not exist yet."""
    return (folder / parent).resolve()


def find_file(folder: Path, name: str) -> Path:
    """Return where a model's file lies: in its folder, or else in its parent's.

    Raises:
        CheckpointError: Neither the folder nor any of its ancestors has it.
    """
    start, seen = folder, set[Path]()
    while not (folder / name).is_file():
        seen.add(folder.resolve())
        parent = read_manifest(folder).parent
        above = parent_folder(folder, parent)
        if not parent or above in seen:
            raise CheckpointError(
                f'{start / name} is missing, expected a file that the manifest lists; '
                'restore it, or import the model or train it again'
            )
        folder = above
    return folder / name
