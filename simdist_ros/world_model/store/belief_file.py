"""The files of a belief, what a model's robot was found to be like, and of its detector."""

from __future__ import annotations

from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from simdist_ros.core.errors import CheckpointError
from simdist_ros.world_model.detector import detector_shape
from simdist_ros.world_model.model import WorldModel
from simdist_ros.world_model.store.identifier_file import IDENTIFIER
from simdist_ros.world_model.store.model_files import AGAIN

__all__ = ['BELIEF', 'DETECTOR', 'check_belief_sizes', 'read_numbers', 'to_bytes']

BELIEF = 'belief.safetensors'
DETECTOR = 'detector.safetensors'


def to_bytes(file_name: str, numbers: Tensor) -> bytes:
    """Return the content of the file of a belief or a detector."""
    array = numbers.detach().cpu().contiguous()
    return safetensors.torch.save({array_of(file_name): array})


def read_numbers(data: bytes, path: Path, axes: int = 1) -> Tensor:
    """Parse the content of such a file; it is as large as it says itself.

    Args:
        data: The content.
        path: For messages, and its name for that of the array.
        axes: How many the array has.

    Returns:
        The array, on the CPU.

    Raises:
        CheckpointError: It is damaged or not finite.
    """
    name = array_of(path.name)
    try:
        arrays = safetensors.torch.load(data)
    except safetensors.SafetensorError as error:
        raise CheckpointError(f'{path}: not a safetensors file ({error}); {AGAIN}') from None
    if arrays.keys() != {name}:
        raise CheckpointError(
            f'{path}: it holds the arrays {sorted(arrays)}, expected {name!r} alone; {AGAIN}'
        )
    array = arrays[name]
    if array.ndim != axes or array.dtype != torch.float32 or not array.isfinite().all():
        raise CheckpointError(
            f'{path}: array {name!r} is not {axes}-dimensional with finite float32 numbers; go '
            'back to an earlier model'
        )
    return array


def array_of(file_name: str) -> str:
    """Return the name of the one array of a file."""
    return file_name.partition('.')[0]


def check_belief_sizes(model: WorldModel, folder: Path) -> None:
    """Refuse a belief or an identifier that the expert does not take, or another's detector.

    Raises:
        CheckpointError: Their sizes differ.
    """
    takes = 0 if model.expert is None else model.expert.belief_dim
    sizes = {}
    if model.identifier is not None:
        sizes[IDENTIFIER] = model.identifier.belief_dim
    if model.belief is not None:
        sizes[BELIEF] = len(model.belief)
    for name, size in sizes.items():
        if size != takes:
            raise CheckpointError(
                f'{folder / name}: its belief has {size} numbers, and the expert of the model '
                f'takes {takes or "none"}; {AGAIN}'
            )
    if model.detector is None:
        return
    found = tuple(model.detector.shape)
    expected = None if model.identifier is None else detector_shape(model.identifier)
    if found != expected:
        raise CheckpointError(
            f'{folder / DETECTOR}: it is of the shape {found}, and the identifier of the model '
            f'needs {expected or "none"}; {AGAIN}'
        )
