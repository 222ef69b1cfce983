"""The file of a belief: what a model's robot was found to be like. And whom beliefs fit."""

from __future__ import annotations

from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from simdist_ros.core.errors import CheckpointError
from simdist_ros.world_model.model import WorldModel
from simdist_ros.world_model.store.identifier_file import IDENTIFIER
from simdist_ros.world_model.store.verify import AGAIN

__all__ = ['BELIEF', 'belief_to_bytes', 'check_belief_sizes', 'read_belief']

BELIEF = 'belief.safetensors'
ARRAY = 'belief'


def belief_to_bytes(belief: Tensor) -> bytes:
    """Return the content of the file of a belief, (belief_dim,)."""
    return safetensors.torch.save({ARRAY: belief.detach().cpu().contiguous()})


def read_belief(data: bytes, path: Path) -> Tensor:
    """Parse the content of a belief's file; it is as large as it says itself.

    Returns:
        The belief, (belief_dim,), on the CPU.

    Raises:
        CheckpointError: It is damaged or not finite.
    """
    try:
        arrays = safetensors.torch.load(data)
    except safetensors.SafetensorError as error:
        raise CheckpointError(f'{path}: not a safetensors file ({error}); {AGAIN}') from None
    if arrays.keys() != {ARRAY}:
        raise CheckpointError(
            f'{path}: it holds the arrays {sorted(arrays)}, expected {ARRAY!r} alone; {AGAIN}'
        )
    belief = arrays[ARRAY]
    if belief.ndim != 1 or belief.dtype != torch.float32 or not belief.isfinite().all():
        raise CheckpointError(
            f'{path}: array {ARRAY!r} is not one row of finite float32 numbers; go back to an '
            'earlier model'
        )
    return belief


def check_belief_sizes(model: WorldModel, folder: Path) -> None:
    """Refuse a belief, or an identifier of beliefs, that the model's expert does not take.

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
