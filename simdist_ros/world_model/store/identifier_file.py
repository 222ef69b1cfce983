"""The file of an identifier: its arrays, and what its numbers are called."""

from __future__ import annotations

import json
from pathlib import Path

import safetensors
import safetensors.torch
import torch

from simdist_ros.core.errors import CheckpointError
from simdist_ros.world_model.identifier import Identifier
from simdist_ros.world_model.store.model_files import AGAIN
from simdist_ros.world_model.store.verify import check_state

__all__ = ['IDENTIFIER', 'identifier_to_bytes', 'read_identifier']

IDENTIFIER = 'identifier.safetensors'
OUTPUT = 'head.3.weight'  # the array that tells how many numbers a belief has
HEADER_BYTES = 8  # before the header of a safetensors file: how long that is


def identifier_to_bytes(identifier: Identifier) -> bytes:
    """Return the content of the file of an identifier."""
    arrays = {n: v.detach().cpu().contiguous() for n, v in identifier.state_dict().items()}
    return safetensors.torch.save(arrays, {'belief': json.dumps(identifier.names)})


def read_identifier(data: bytes, path: Path, proprio_dim: int, action_dim: int) -> Identifier:
    """Parse the content of an identifier's file; its belief is as large as it says itself.

    Args:
        data: Of the file.
        path: Named in errors.
        proprio_dim: Of the robot.
        action_dim: Of the robot.

    Returns:
        The identifier, frozen and in evaluation mode.

    Raises:
        CheckpointError: It is damaged, of another robot, or not finite.
    """
    try:
        arrays = safetensors.torch.load(data)
        end = HEADER_BYTES + int.from_bytes(data[:HEADER_BYTES], 'little')
        header = json.loads(data[HEADER_BYTES:end])
        names = json.loads(header['__metadata__']['belief'])
    except safetensors.SafetensorError as error:
        raise CheckpointError(f'{path}: not a safetensors file ({error}); {AGAIN}') from None
    except (KeyError, TypeError, ValueError):
        raise CheckpointError(f'{path}: it does not name its belief; {AGAIN}') from None
    size = len(arrays.get(OUTPUT, torch.zeros(len(names))))
    if len(names) != size:
        raise CheckpointError(
            f'{path}: it names {len(names)} numbers of a belief and has {size}; {AGAIN}'
        )
    identifier = Identifier(proprio_dim, action_dim, size, names)
    check_state(arrays, identifier, str(path))
    if not (arrays['std'] > 0.0).all():
        raise CheckpointError(f"{path}: array 'std' is not above 0 everywhere; {AGAIN}")
    identifier.load_state_dict(arrays)
    return identifier.eval().requires_grad_(False)
