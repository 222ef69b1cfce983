"""The ceiling of a world: an expert that was trained on in it, in the place of the model's own."""

from __future__ import annotations

import copy
import hashlib
from pathlib import Path

from simdist_ros.core.errors import ConfigError
from simdist_ros.jobs.stage_folder import STAGE_FILE, claim_folder
from simdist_ros.studies.settings import GridSettings, world_name
from simdist_ros.world_model.model import WorldModel
from simdist_ros.world_model.store.verify import read_expert

__all__ = [
    'ceiling_file',
    'check_ceilings',
    'claim_ceilings',
    'missing_ceiling',
    'with_ceiling',
]


def ceiling_file(grid: GridSettings, world: str) -> Path:
    """Return where the expert of a world, a name or a file, would be."""
    return Path(grid.ceilings) / f'{world_name(world)}.safetensors'


def missing_ceiling(grid: GridSettings, world: str) -> str:
    """Say why a world has no ceiling; empty where it has one."""
    if not grid.ceilings:
        return 'grid.ceilings names no folder'
    path = ceiling_file(grid, world)
    return '' if path.is_file() else f'{path} is not there'


def with_ceiling(model: WorldModel, path: Path) -> WorldModel:
    """Return a model that shares everything with another but its expert.

    Raises:
        CheckpointError: The file is damaged or of another robot.
    """
    other = copy.copy(model)
    other.expert = read_expert(path.read_bytes(), path, model.architecture)
    other.belief = other.detector = other.usual_expert = None  # it knows the world without
    return other


def check_ceilings(grid: GridSettings, model: WorldModel) -> None:
    """Read all ceilings once, before any work begins.

    Raises:
        CheckpointError: A file is damaged or of another robot.
        ConfigError: There is no such folder.
    """
    if grid.ceilings and not Path(grid.ceilings).is_dir():
        raise ConfigError(f'grid.ceilings: there is no folder {grid.ceilings!r}')
    for world in grid.worlds:
        if not missing_ceiling(grid, world):
            with_ceiling(model, ceiling_file(grid, world))


def claim_ceilings(work: Path, grid: GridSettings) -> None:
    """See that the ceilings are those that a benchmark was begun with; a world may get one later.

    Raises:
        ConfigError: They are others, or one is not there any more.
    """
    for world in grid.worlds:
        folder, why_not = work / 'ceilings' / world_name(world), missing_ceiling(grid, world)
        if not why_not:
            content = ceiling_file(grid, world).read_bytes()
            claim_folder(folder, {'sha256': hashlib.sha256(content).hexdigest()})
        elif (folder / STAGE_FILE).is_file():
            raise ConfigError(
                f'{work} was begun with a ceiling for {world_name(world)}, and now {why_not}; '
                'name the same folder under grid.ceilings'
            )
