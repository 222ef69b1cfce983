"""Which model came from which: the models of a folder as a tree."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from simdist_ros.core.errors import CheckpointError, ConfigError
from simdist_ros.core.settings import read_yaml
from simdist_ros.embodiment.robot import Robot
from simdist_ros.world_model.expert import Expert
from simdist_ros.world_model.store.checkpoint import LoadedModel, load_model
from simdist_ros.world_model.store.manifest import MANIFEST, Manifest, parent_folder, read_manifest

__all__ = ['Entry', 'first_expert', 'line_of', 'lineage_lines', 'list_models', 'original']


@dataclass(frozen=True)
class Entry:
    """A folder that holds a model, or would if its manifest could be read.

    Attributes:
        folder: Where it lies.
        manifest: What it says of itself; None where it cannot be read.
        problem: Why it cannot.
    """

    folder: Path
    manifest: Manifest | None
    problem: str = ''

    @property
    def parent(self) -> Path | None:
        """Where the model lies that it was made from; None for an original."""
        if self.manifest is None or not self.manifest.parent:
            return None
        return parent_folder(self.folder, self.manifest.parent)

    def line(self) -> str:
        """Say in a line what it is."""
        if self.manifest is None:
            return f'{self.folder.name}: {self.problem}'
        name = f'{self.folder.name} [{self.manifest.identity}]'
        about = self.manifest.adaptation
        if not about:
            return f'{name} {self.manifest.created_by}'
        return f'{name} {about.get("made", "")} {self.adapted(about)}'

    def adapted(self, about: dict[str, Any]) -> str:
        """Say how it was adapted and what came of it."""
        bags = [Path(str(bag.get('path', '?'))).name for bag in about.get('bags', [])]
        verdict = about.get('verdict', {})
        kind = 'accepted' if verdict.get('accepted') else 'refused'
        figures = verdict.get('figures', {})
        before, after = figures.get('error_before'), figures.get('error_after')
        errors = '' if before is None or after is None else f', error {before:.4f} -> {after:.4f}'
        belief = f'; belief: {about["belief"]}' if 'belief' in about else ''
        return f'{about.get("method", "?")} on {", ".join(bags) or "?"}: {kind}{errors}{belief}'


def line_of(model: LoadedModel, robot: Robot) -> Iterator[LoadedModel]:
    """Yield a model and those that it was adapted from, the one that came as it is last.

    Raises:
        CheckpointError: One of the folders is missing or damaged.
    """
    yield model
    seen = set[Path]()
    while model.manifest.parent and model.folder.resolve() not in seen:
        seen.add(model.folder.resolve())
        model = load_model(parent_folder(model.folder, model.manifest.parent), robot)
        yield model


def original(model: LoadedModel, robot: Robot) -> LoadedModel:
    """Return the model as it came that a model was adapted from, over any number of steps.

    Raises:
        CheckpointError: One of the folders is missing or damaged.
    """
    *_, first = line_of(model, robot)
    return first


def first_expert(model: LoadedModel, robot: Robot) -> Expert | None:
    """Return the expert of the oldest model of a line that takes the beliefs of the present one.

    None where the line cannot be followed or has no expert.
    """
    found = expert = model.model.expert
    with suppress(CheckpointError):
        for one in line_of(model, robot):
            other = one.model.expert
            if expert is not None and other is not None and other.belief_dim == expert.belief_dim:
                found = other
    return found


def list_models(folder: Path) -> list[Entry]:
    """Return the models in a folder and in the folders within it, by name.

    Raises:
        ConfigError: There is no such folder.
    """
    if not folder.is_dir():
        raise ConfigError(f'{folder}: there is no such folder of models; check the path')
    found = []
    for path in sorted(folder.rglob(MANIFEST)):
        if not is_model(path):
            continue
        try:
            found.append(Entry(path.parent, read_manifest(path.parent)))
        except CheckpointError as error:
            found.append(Entry(path.parent, None, str(error)))
    return found


def is_model(path: Path) -> bool:
    """Tell a model's manifest from that of transitions; a damaged one counts as a model's."""
    try:
        return 'kind' not in read_yaml(path)
    except (ConfigError, yaml.YAMLError):
        return True


def lineage_lines(entries: list[Entry]) -> list[str]:
    """Return the tree, a line each; a child stands under its parent, four spaces further in."""
    known = {entry.folder.resolve() for entry in entries}
    children: dict[Path | None, list[Entry]] = {}
    for entry in entries:
        parent = entry.parent
        children.setdefault(parent if parent in known else None, []).append(entry)
    lines: list[str] = []

    def add(entry: Entry, depth: int) -> None:
        missing = entry.parent is not None and entry.parent not in known
        above = f' (from {entry.parent}, not in this folder)' if missing else ''
        lines.append('    ' * depth + entry.line() + above)
        seen.add(entry.folder.resolve())
        for child in children.get(entry.folder.resolve(), []):
            if child.folder.resolve() not in seen:
                add(child, depth + 1)

    seen: set[Path] = set()
    for entry in children.get(None, []):
        add(entry, 0)
    for entry in entries:  # what names itself as an ancestor still shows
        if entry.folder.resolve() not in seen:
            add(entry, 0)
    return lines
