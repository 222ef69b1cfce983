"""Checks on what a model folder holds; each refusal says which file, what, and what to do."""

from __future__ import annotations

from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from simdist_ros.core.errors import CheckpointError
from simdist_ros.world_model.architecture import Architecture
from simdist_ros.world_model.expert import BeliefPath, Expert, expert_network
from simdist_ros.world_model.residual import Residual
from simdist_ros.world_model.store.model_files import AGAIN

__all__ = [
    'DELAY',
    'check_state',
    'read_expert',
    'read_residual',
    'read_weights',
]

ACTOR = 'actor.'  # what its arrays begin with in an expert's file
DELAY = 'plan_delay_steps'  # an array there: the delay it was trained with; none is 0
MAX_DELAY = 10


def read_weights(data: bytes, path: Path, module: nn.Module) -> dict[str, Tensor]:
    """Parse the content of a weights file and check it against the module it is for."""
    try:
        state = safetensors.torch.load(data)
    except safetensors.SafetensorError as error:
        raise CheckpointError(f'{path}: not a safetensors file ({error}); {AGAIN}') from None
    check_state(state, module, str(path))
    return state


def read_residual(data: bytes, path: Path, architecture: Architecture) -> Residual:
    """Parse the content of a residual's file; its hidden layer is as wide as it says itself."""
    try:
        widths = safetensors.torch.load(data)['output.weight'].shape
    except safetensors.SafetensorError as error:
        raise CheckpointError(f'{path}: not a safetensors file ({error}); {AGAIN}') from None
    except KeyError:
        raise CheckpointError(f"{path}: array 'output.weight' is missing; {AGAIN}") from None
    residual = Residual(architecture, widths[-1] if len(widths) == 2 else 1)
    residual.load_state_dict(read_weights(data, path, residual))
    return residual


def read_expert(data: bytes, path: Path, architecture: Architecture) -> Expert:
    """Parse the content of an expert's file; what only its training needs is left out."""
    try:
        arrays = safetensors.torch.load(data)
    except safetensors.SafetensorError as error:
        raise CheckpointError(f'{path}: not a safetensors file ({error}); {AGAIN}') from None
    phases = arrays.get(f'{ACTOR}phase_index', torch.zeros(0))
    network = expert_network(architecture, phases.numel(), belief_path(arrays))
    names = network.state_dict().keys()
    state = {name: arrays[f'{ACTOR}{name}'] for name in names if f'{ACTOR}{name}' in arrays}
    check_state(state, network, str(path))
    inputs = len(state['body.norm.mean'])
    if ((phases < 0) | (phases >= inputs)).any():
        raise CheckpointError(
            f"{path}: array 'phase_index' is {phases.tolist()}, expected indices of {inputs} "
            f'inputs; {AGAIN}'
        )
    network.load_state_dict(state)
    delay = arrays.get(DELAY, torch.tensor(0))
    if delay.numel() != 1 or not 0 <= delay.item() <= MAX_DELAY:
        raise CheckpointError(
            f'{path}: array {DELAY!r} is {delay.tolist()}, expected a number of 0 to {MAX_DELAY}; '
            f'{AGAIN}'
        )
    return Expert(network.eval().requires_grad_(False), data, int(delay))


def belief_path(arrays: dict[str, Tensor]) -> BeliefPath | None:
    """Return a path as large as that of an expert's file; None where it has none."""
    if not any(name.startswith(f'{ACTOR}belief.') for name in arrays):
        return None
    sizes = tuple(arrays.get(f'{ACTOR}belief.0.weight', torch.zeros(1)).shape)
    width, belief_dim = sizes if len(sizes) == 2 else (1, 1)
    return BeliefPath(belief_dim, width)


def check_state(state: dict[str, Tensor], module: nn.Module, source: str) -> None:
    """Refuse weights that are not exactly the module's: names, types, shapes, finite numbers."""
    wanted = module.state_dict()
    for name in wanted.keys() - state.keys():
        raise CheckpointError(f'{source}: array {name!r} is missing; {AGAIN}')
    for name in state.keys() - wanted.keys():
        raise CheckpointError(f'{source}: array {name!r} is not expected here; {AGAIN}')
    for name, tensor in state.items():
        expected = wanted[name]
        if tensor.shape != expected.shape or tensor.dtype != expected.dtype:
            raise CheckpointError(
                f'{source}: array {name!r} is {describe(tensor)}, expected {describe(expected)} '
                f'by model.yaml; {AGAIN}'
            )
        if not torch.isfinite(tensor).all():
            raise CheckpointError(
                f'{source}: array {name!r} holds NaN or infinity, expected finite numbers; '
                'go back to an earlier model'
            )


def describe(tensor: Tensor) -> str:
    """Return type and shape of an array, e.g. ``float32 (64, 12)``."""
    return f'{str(tensor.dtype).removeprefix("torch.")} {tuple(tensor.shape)}'
