"""Run a model on recorded inputs: what one reaches for when a robot behaves oddly."""

from __future__ import annotations

import io
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from simdist_ros.core.atomic import write_atomic
from simdist_ros.core.errors import ConfigError
from simdist_ros.world_model.architecture import Architecture
from simdist_ros.world_model.model import WorldModel
from simdist_ros.world_model.store.checkpoint import load_model

__all__ = ['infer', 'input_shapes', 'predict_file']


NOT_AN_NPZ = (
    OSError,
    ValueError,
    TypeError,
    AttributeError,
    EOFError,
    zlib.error,
    zipfile.BadZipFile,
)


def predict_file(model_folder: Path, inputs: Path, output: Path) -> None:
    """Run a model on a file of inputs and write a file of outputs, both in raw units.

    Args:
        model_folder: The model.
        inputs: An npz with the arrays of `input_shapes`, with a leading batch axis B.
        output: The npz to write: ``latents`` (B, T, latent_dim), ``rewards`` (B, T), ``values``
            (B, T), ``actions`` (B, T, action_dim).

    Raises:
        CheckpointError: The model cannot be loaded.
        ConfigError: The inputs cannot be used, or the output cannot be written.
    """
    model = load_model(model_folder).model
    outputs = infer(model, read_inputs(inputs, model.architecture))
    buffer = io.BytesIO()
    arrays: dict[str, Any] = {name: value.numpy() for name, value in outputs.items()}
    np.savez(buffer, **arrays)
    try:
        write_atomic(output, buffer.getvalue())
    except OSError as error:
        raise ConfigError(f'{output}: cannot be written ({error}); choose another') from None


def infer(model: WorldModel, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return latents, rewards, values and the policy's actions, by name."""
    with torch.inference_mode():
        context = model.encode(
            inputs['proprio_obs_hist'], inputs['acts_hist'], inputs['extero_obs']
        )
        actions, commands = inputs['fut_acts'], inputs['fut_cmds']
        latents = model.predict(model.memory(context), actions)
        rewards, values = model.score(context, latents, actions, commands)
        policy = model.policy_prior(context, commands)
    return {'latents': latents, 'rewards': rewards, 'values': values, 'actions': policy}


def input_shapes(architecture: Architecture) -> dict[str, tuple[int, ...]]:
    """Return the shape of each input without its batch axis."""
    a = architecture
    return {
        'proprio_obs_hist': (a.history_steps + 1, a.proprio_obs_dim),
        'extero_obs': (a.extero_obs_dim,),
        'acts_hist': (a.history_steps, a.action_dim),
        'fut_acts': (a.horizon_steps, a.action_dim),
        'fut_cmds': (a.horizon_steps + 1, a.command_dim),
    }


def read_inputs(path: Path, architecture: Architecture) -> dict[str, Tensor]:
    """Read and check the arrays of an npz."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except FileNotFoundError:
        raise ConfigError(f'{path}: there is no such file') from None
    except NOT_AN_NPZ as error:
        raise ConfigError(f'{path}: not an npz of plain arrays ({error}); save it anew') from None
    tensors: dict[str, Tensor] = {}
    batch: int | None = None
    for name, shape in input_shapes(architecture).items():
        array = checked(path, name, arrays.get(name), (batch, *shape))
        batch = len(array)
        tensors[name] = torch.from_numpy(array)
    return tensors


def checked(
    path: Path, name: str, array: NDArray[Any] | None, shape: tuple[int | None, ...]
) -> NDArray[np.float32]:
    """Return an array as float32 if it has the shape, where None is any size but 0."""
    wanted = f'({", ".join("B" if n is None else str(n) for n in shape)})'
    if array is None:
        raise ConfigError(f'{path}: array {name!r} is missing; expected shape {wanted}')
    fits = array.ndim == len(shape) and array.size > 0
    if not fits or any(n not in (None, m) for n, m in zip(shape, array.shape, strict=True)):
        raise ConfigError(f'{path}: array {name!r} has shape {array.shape}, expected {wanted}')
    if array.dtype.kind in 'fiu':
        with np.errstate(over='ignore'):
            numbers = np.ascontiguousarray(array, dtype=np.float32)
        if np.isfinite(numbers).all():
            return numbers
    raise ConfigError(
        f'{path}: array {name!r} of type {array.dtype} and shape {array.shape} must hold finite '
        'numbers of single precision'
    )
