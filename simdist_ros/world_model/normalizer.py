"""Between raw units and the numbers that the networks were trained on."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from simdist_ros.world_model.architecture import Architecture

__all__ = ['Normalizer']

EPSILON = 1e-8  # only in `scale`, as in the published model


class Normalizer(nn.Module):
    """Mean and standard deviation of each quantity; latents are never scaled.

    ``action_low`` and ``action_high``, (action_dim,) in raw units, are the range of actions that
    the model was trained on; beyond it, its predictions mean nothing. For a model whose training
    data isn't at hand, such as the published one, they are the mean -/+ 3 standard deviations.
    """

    action_low: Tensor
    action_high: Tensor

    def __init__(self, architecture: Architecture) -> None:
        """Start with mean 0 and standard deviation 1."""
        super().__init__()
        a = architecture
        sizes = {
            'proprio_obs': a.proprio_obs_dim,
            'extero_obs': a.extero_obs_dim,
            'actions': a.action_dim,
            'commands': a.command_dim,
            'rewards': 1,
            'values': 1,
        }
        for name, size in sizes.items():
            self.register_buffer(f'{name}_mean', torch.zeros(size))
            self.register_buffer(f'{name}_std', torch.ones(size))
        self.register_buffer('action_low', torch.full((a.action_dim,), -3.0))
        self.register_buffer('action_high', torch.full((a.action_dim,), 3.0))

    def scale(self, name: str, x: Tensor) -> Tensor:
        """Return the scaled quantity `name`, same shape."""
        mean, std = self.statistics(name)
        return (x - mean) / (std + EPSILON)

    def unscale(self, name: str, x: Tensor) -> Tensor:
        """Return the quantity `name` in raw units, same shape."""
        mean, std = self.statistics(name)
        return x * std + mean

    def statistics(self, name: str) -> tuple[Tensor, Tensor]:
        """Return mean and standard deviation of the quantity `name`."""
        return getattr(self, f'{name}_mean'), getattr(self, f'{name}_std')
