"""What a model makes of windows: the context of their past, and the latents of what followed."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor

from simdist_ros.world_model.encoders.encoder import Context
from simdist_ros.world_model.model import WorldModel

__all__ = ['HasWindows', 'context_of', 'tensor', 'true_latents']


class HasWindows(Protocol):
    """B windows of H past and T future steps, as arrays or tensors in raw units."""

    @property
    def proprio_obs(self) -> Any:
        """o_{t-H..t+T}, (B, H + 1 + T, proprio_obs_dim)."""

    @property
    def extero_obs(self) -> Any:
        """What is seen of the surroundings now, (B, extero_obs_dim)."""

    @property
    def actions(self) -> Any:
        """a_{t-H..t+T-1}, (B, H + T, action_dim)."""


def context_of(model: WorldModel, windows: HasWindows) -> Context:
    """Return the contexts of windows."""
    past = model.architecture.history_steps
    return model.encode(
        tensor(windows.proprio_obs[:, : past + 1]),
        tensor(windows.actions[:, :past]),
        tensor(windows.extero_obs),
    )


def true_latents(model: WorldModel, windows: HasWindows) -> Tensor:
    """Return the encoder's latents of what followed, on the ground as it is now, (B, T, D)."""
    past = model.architecture.history_steps
    future = tensor(windows.proprio_obs[:, past + 1 :])
    return model.encode_latent(future, tensor(windows.extero_obs).unsqueeze(1))


def tensor(array: object) -> Tensor:
    """Return an array as float32."""
    return torch.as_tensor(array, dtype=torch.float32)
