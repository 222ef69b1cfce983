"""A training as it stands: weights, optimizer and step in one file, written atomically."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from simdist_ros.core.atomic import write_atomic
from simdist_ros.core.errors import CheckpointError

__all__ = ['load_state', 'save_state']

AGAIN = 'delete it to train from the beginning'


def save_state(
    path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, about: Mapping[str, Any]
) -> None:
    """Write weights, optimizer and whatever is said about them.

    Args:
        path: File to replace.
        model: Its parameters and buffers are written.
        optimizer: Of one group, over the model's parameters in their order.
        about: Plain values by name: step, settings and the like.
    """
    tensors = {f'model.{name}': tensor for name, tensor in model.state_dict().items()}
    for index, entries in optimizer.state_dict()['state'].items():
        for name, tensor in entries.items():
            tensors[f'optimizer.{index}.{name}'] = torch.as_tensor(tensor)
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_atomic(path, safetensors.torch.save(plain, {'about': json.dumps(dict(about))}))


def read_about(path: Path) -> dict[str, Any]:
    """Return what was said about a state.

    Raises:
        CheckpointError: The file is damaged.
    """
    try:
        with safetensors.safe_open(path, 'pt') as file:
            about: dict[str, Any] = json.loads(file.metadata()['about'])
    except (safetensors.SafetensorError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f'{path}: not the state of a training ({error}); {AGAIN}') from None
    return about


def load_state(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Put a saved state into a model and its optimizer.

    Raises:
        CheckpointError: It is damaged or of another model.
    """
    try:
        tensors = safetensors.torch.load_file(path)
        weights = {
            name.removeprefix('model.'): tensor
            for name, tensor in tensors.items()
            if name.startswith('model.')
        }
        model.load_state_dict(weights)
    except (safetensors.SafetensorError, RuntimeError) as error:
        reason = ' '.join(str(error).split())
        raise CheckpointError(f'{path}: not a state of this model ({reason}); {AGAIN}') from None
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith('optimizer.'):
            _, index, entry = name.split('.')
            state.setdefault(int(index), {})[entry] = tensor
    groups = optimizer.state_dict()['param_groups']
    optimizer.load_state_dict({'state': state, 'param_groups': groups})
