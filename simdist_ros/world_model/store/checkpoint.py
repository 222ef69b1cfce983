"""Models as folders: one file for each part that freezes separately, and a manifest."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import yaml
from torch import nn

from simdist_ros.core.atomic import TEMPORARY_SUFFIX, write_atomic
from simdist_ros.core.errors import CheckpointError
from simdist_ros.core.priority_gate import GiveWay, no_wait
from simdist_ros.embodiment.action_space import JointTarget
from simdist_ros.embodiment.robot import Robot
from simdist_ros.jobs.writable import check_folder
from simdist_ros.tasks.velocity.settings import VELOCITY
from simdist_ros.world_model.cpu_inference import keep_freed_memory
from simdist_ros.world_model.model import WorldModel
from simdist_ros.world_model.part_names import ADAPTED
from simdist_ros.world_model.store.belief_file import (
    BELIEF,
    DETECTOR,
    check_belief_sizes,
    read_numbers,
    to_bytes,
)
from simdist_ros.world_model.store.identifier_file import (
    IDENTIFIER,
    identifier_to_bytes,
    read_identifier,
)
from simdist_ros.world_model.store.manifest import (
    MANIFEST,
    Manifest,
    find_file,
    parent_folder,
    read_manifest,
    sha256,
)
from simdist_ros.world_model.store.model_files import (
    ARCHITECTURE,
    FILES,
    WEIGHTS,
    check_robot,
    find_model,
    read_architecture,
    read_verified,
)
from simdist_ros.world_model.store.verify import read_expert, read_residual, read_weights

__all__ = [
    'EXPERT',
    'LoadedModel',
    'check_destination',
    'find_model',
    'load_model',
    'save_model',
]

RESIDUAL = 'residual.safetensors'  # only where there is one
EXPERT, USUAL_EXPERT = 'expert.safetensors', 'usual_expert.safetensors'  # likewise
OPTIONAL = (RESIDUAL, EXPERT, USUAL_EXPERT, IDENTIFIER, BELIEF, DETECTOR)


@dataclass(frozen=True)
class LoadedModel:
    """A model, verified against its manifest."""

    model: WorldModel
    manifest: Manifest
    folder: Path


def load_model(
    folder: Path,
    robot: Robot | None = None,
    device: str = 'cpu',
    give_way: GiveWay = no_wait,
) -> LoadedModel:
    """Read a model, trusting nothing: hashes, names, shapes and numbers are checked.

    Args:
        folder: The model folder.
        robot: The robot it has to fit; None for any.
        device: Where the weights go.
        give_way: Called between two pieces of work.

    Returns:
        The model in evaluation mode, and its manifest.

    Raises:
        CheckpointError: Something is missing, damaged, too new, or for another robot.
    """
    manifest = read_manifest(folder)
    content = {}
    for name in FILES:
        give_way()
        content[name] = read_verified(folder, manifest, name)
    architecture = read_architecture(content[ARCHITECTURE], folder / ARCHITECTURE)
    if robot is not None:
        check_robot(folder, manifest, architecture, robot)
    keep_freed_memory()
    give_way()
    model = WorldModel(architecture)
    for part, name in WEIGHTS.items():
        give_way()
        module: nn.Module = getattr(model, part)
        module.load_state_dict(read_weights(content[name], find_file(folder, name), module))
    add_optional(model, folder, manifest, give_way)
    return LoadedModel(model.to(device).eval(), manifest, folder)


def add_optional(model: WorldModel, folder: Path, manifest: Manifest, give_way: GiveWay) -> None:
    """Give a model those parts that not every model has."""
    a = model.architecture
    for name in OPTIONAL:
        if name not in manifest.files:
            continue
        give_way()
        data, path = read_verified(folder, manifest, name), find_file(folder, name)
        if name == RESIDUAL:
            model.residual = read_residual(data, path, a)
        elif name == EXPERT:
            model.expert = read_expert(data, path, a)
        elif name == USUAL_EXPERT:
            model.usual_expert = read_expert(data, path, a)
        elif name == IDENTIFIER:
            model.identifier = read_identifier(data, path, a.proprio_obs_dim, a.action_dim)
        elif name == BELIEF:
            model.belief = read_numbers(data, path)
        else:
            model.detector = read_numbers(data, path, axes=2)
    check_belief_sizes(model, folder)


def save_model(
    folder: Path,
    model: WorldModel,
    *,
    robot: str,
    created_by: str,
    task: str = '',
    actions: str = '',
    parent: str = '',
    metrics: Mapping[str, float] | None = None,
    adaptation: Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> Manifest:
    """Write a model; the manifest comes last, so that an interrupted write is never loaded.

    Args:
        folder: Where to; it is made.
        model: What to write.
        robot: Name of the robot it is for.
        created_by: What made it.
        task: What it was trained for; empty for that of its parent, else of walking.
        actions: What its actions mean; empty for those of its parent, else joint targets.
        parent: The model it was adapted from, a path relative to `folder`. Files that equal the
            parent's are not written again.
        metrics: The numbers that it was accepted with.
        adaptation: How it was made from its parent, plain values.
        overwrite: Replace a model that the folder holds.

    Returns:
        The manifest.

    Raises:
        CheckpointError: The folder holds a model or something else, or cannot be written.
    """
    check_destination(folder, overwrite=overwrite)
    content = serialise(model)
    above = parent_manifest(folder, parent) if parent else None
    if above is not None:
        keep_architecture(content, model, parent_folder(folder, parent))
    files = {name: sha256(data) for name, data in content.items()}
    inherited = above.files if above else {}
    own = {name: data for name, data in content.items() if inherited.get(name) != files[name]}
    manifest = Manifest(
        robot=robot,
        task=task or (above.task if above else VELOCITY),
        actions=actions or (above.actions if above else JointTarget.kind),
        created_by=created_by,
        parent=parent,
        files=files,
        metrics=dict(metrics or {}),
        parent_identity=above.identity if above else '',
        adaptation=dict(adaptation or {}),
        swappable=swappable_parts(above, own),
    )
    write_files(folder, own, manifest)
    return manifest


def write_files(folder: Path, content: Mapping[str, bytes], manifest: Manifest) -> None:
    """Replace what a folder holds; the manifest comes last."""
    try:
        clear(folder)
        for name, data in content.items():
            write_atomic(folder / name, data)
        write_atomic(folder / MANIFEST, manifest.to_yaml())
    except OSError as error:
        raise CheckpointError(f'{folder}: cannot be written ({error}); choose another') from None


def swappable_parts(above: Manifest | None, own: Collection[str]) -> list[str]:
    """Return what may be swapped in a model that has files of its own beside its parent's."""
    parts = list(above.swappable if above else ADAPTED)
    if IDENTIFIER in own:  # its parent had no beliefs to swap
        parts += [part for part in ADAPTED if part not in parts]
    return parts


def parent_manifest(folder: Path, parent: str) -> Manifest:
    """Return the parent's manifest."""
    above = parent_folder(folder, parent)
    if above == folder.resolve():
        raise CheckpointError(f'{folder}: a model cannot be its own parent; choose another folder')
    return read_manifest(above)


def keep_architecture(content: dict[str, bytes], model: WorldModel, above: Path) -> None:
    """Take the parent's file of the architecture if it says the same, however it is written."""
    path = find_file(above, ARCHITECTURE)
    data = path.read_bytes()
    if read_architecture(data, path) == model.architecture:
        content[ARCHITECTURE] = data


def serialise(model: WorldModel) -> dict[str, bytes]:
    """Return the content of each file but the manifest."""
    plain = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in asdict(model.architecture).items()
    }
    content = {ARCHITECTURE: yaml.safe_dump(plain, sort_keys=False).encode()}
    modules = {name: getattr(model, part) for part, name in WEIGHTS.items()}
    if model.residual is not None:
        modules[RESIDUAL] = model.residual
    for name, module in modules.items():
        state = module.state_dict()
        content[name] = safetensors.torch.save(
            {key: tensor.detach().cpu().contiguous() for key, tensor in state.items()}
        )
    if model.expert is not None:
        content[EXPERT] = model.expert.content
    if model.usual_expert is not None:
        content[USUAL_EXPERT] = model.usual_expert.content
    if model.identifier is not None:
        content[IDENTIFIER] = identifier_to_bytes(model.identifier)
    if model.belief is not None:
        content[BELIEF] = to_bytes(BELIEF, model.belief)
    if model.detector is not None:
        content[DETECTOR] = to_bytes(DETECTOR, model.detector)
    return content


def check_destination(folder: Path, *, overwrite: bool = False) -> None:
    """Refuse a folder in which a new model would replace anything; half a model is nothing.

    Every writer of models asks this, before the work that makes the model.

    Args:
        folder: Where a model is to be written; it need not exist.
        overwrite: Whether the user said that a model there may be replaced.

    Raises:
        CheckpointError: It holds a model, or something else.
        ConfigError: It cannot be written.
    """
    refuse_foreign(folder)
    if (folder / MANIFEST).exists() and not overwrite:
        raise CheckpointError(
            f'{folder} holds a model already; choose another folder, or replace it with '
            '--overwrite'
        )
    check_folder(folder, 'model folder')


def refuse_foreign(folder: Path) -> None:
    """Refuse a folder that is none, or that holds something else than a model."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise CheckpointError(f'{folder} is a file; choose a folder for the model')
    entries = {path.name for path in folder.iterdir() if path.suffix != TEMPORARY_SUFFIX}
    foreign = sorted(entries - {MANIFEST, *OPTIONAL, *FILES})
    if foreign and MANIFEST not in entries:
        raise CheckpointError(
            f'{folder} holds something else than a model ({foreign[0]}); choose another folder'
        )


def clear(folder: Path) -> None:
    """Make the folder, or empty it of an old model, manifest first."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in (MANIFEST, *OPTIONAL, *FILES):
        (folder / name).unlink(missing_ok=True)
