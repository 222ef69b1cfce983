"""The files of a belief, what a model's robot was found to be like, and of its detector."""

from __future__ import annotations

from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from simdist_ros.core.errors import CheckpointError
from simdist_ros.world_model.detector import detector_size
from simdist_ros.world_model.model import WorldModel
from simdist_ros.world_model.store.identifier_file import IDENTIFIER
from simdist_ros.world_model.store.model_files import AGAIN

__all__ = ['BELIEF', 'DETECTOR', 'check_belief_sizes', 'read_row', 'row_to_bytes']

BELIEF = 'belief.safetensors'
DETECTOR = 'detector.safetensors'


def row_to_bytes(file_name: str, row: Tensor) -> bytes:
    """Return the content of the file of a belief or a detector, one row of numbers."""
    return safetensors.torch.save({array_of(file_name): row.detach().cpu().contiguous()})


def read_row(data: bytes, path: Path) -> Tensor:
    """Parse the content of such a file; the row is as long as it says itself.

    Returns:
        The row, (size,), on the CPU.

    Raises:
        CheckpointError: It is damaged or not finite.
    """
    array = array_of(path.name)
    try:
        arrays = safetensors.torch.load(data)
    except safetensors.SafetensorError as error:
        raise CheckpointError(f'{path}: not a safetensors file ({error}); {AGAIN}') from None
    if arrays.keys() != {array}:
        raise CheckpointError(
            f'{path}: it holds the arrays {sorted(arrays)}, expected {array!r} alone; {AGAIN}'
        )
    row = arrays[array]
    if row.ndim != 1 or row.dtype != torch.float32 or not row.isfinite().all():
        raise CheckpointError(
            f'{path}: array {array!r} is not one row of finite float32 numbers; go back to an '
            'earlier model'
        )
    return row


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
    expected = 0 if model.identifier is None else detector_size(model.identifier)
    if len(model.detector) != expected:
        raise CheckpointError(
            f'{folder / DETECTOR}: it has {len(model.detector)} numbers, and the identifier of '
            f'the model needs {expected or "none"}; {AGAIN}'
        )
