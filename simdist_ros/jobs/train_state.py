"""A training as it stands: weights, optimizer and step in one file, written atomically."""

from __future__ import annotations

from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from simdist_ros.core.atomic import write_atomic
from simdist_ros.core.errors import CheckpointError

__all__ = ['load_state', 'save_state']

AGAIN = 'delete it to train from the beginning'


def save_state(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, step: int) -> None:
    """Write weights, optimizer and the number of steps done.

    Args:
        path: File to replace.
        model: Its parameters and buffers are written.
        optimizer: Of one group, over the model's parameters in their order.
        step: Gradient steps done.
    """
    tensors = {f'model.{name}': tensor for name, tensor in model.state_dict().items()}
    for index, entries in optimizer.state_dict()['state'].items():
        for name, tensor in entries.items():
            tensors[f'optimizer.{index}.{name}'] = torch.as_tensor(tensor)
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_atomic(path, safetensors.torch.save(plain, {'step': str(step)}))


def load_state(path: Path, model: nn.Module, optimizer: torch.optim.Optimizer) -> int:
    """Put a saved state into a model and its optimizer, and return the steps done.

    Raises:
        CheckpointError: It is damaged or of another model.
    """
    try:
        with safetensors.safe_open(path, 'pt') as file:
            step = int(file.metadata()['step'])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        weights = {
            name.removeprefix('model.'): tensor
            for name, tensor in tensors.items()
            if name.startswith('model.')
        }
        model.load_state_dict(weights)
    except (safetensors.SafetensorError, RuntimeError, KeyError, TypeError, ValueError) as error:
        reason = ' '.join(str(error).split())
        raise CheckpointError(f'{path}: not a state of this model ({reason}); {AGAIN}') from None
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith('optimizer.'):
            _, index, entry = name.split('.')
            state.setdefault(int(index), {})[entry] = tensor
    groups = optimizer.state_dict()['param_groups']
    optimizer.load_state_dict({'state': state, 'param_groups': groups})
    return step
