"""A small correction of predicted latents, for data too few to correct the dynamics themselves."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from simdist_ros.world_model.architecture import Architecture
from simdist_ros.world_model.cpu_inference import linear
from simdist_ros.world_model.layers import Embedding, gelu

__all__ = ['Residual']


class Residual(nn.Module):
    """What to add to each predicted latent: psi(z, a), one hidden layer, zero to begin with.

    The dynamics predict a whole horizon at once, and their error grows along it; so the hidden
    layer also knows the place in the horizon.

    Source:
        Lanier et al. 2025, "Adapting World Models with Latent-State Dynamics Residuals"
        (ReDRAW), whose residual is added to the logits of discrete latents; this form for
        continuous latents is ours.
    """

    def __init__(self, architecture: Architecture, hidden_dim: int) -> None:
        """Make a residual with `hidden_dim` hidden units that changes nothing yet."""
        super().__init__()
        a = architecture
        self.hidden = Embedding(a.latent_dim + a.action_dim, a.horizon_steps, hidden_dim)
        self.output = nn.Linear(hidden_dim, a.latent_dim)
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    def forward(self, latents: Tensor, actions: Tensor) -> Tensor:
        """Return the correction, (K, T, latent_dim).

        Args:
            latents: As the dynamics predict them, (K, T, latent_dim).
            actions: Scaled, that led to them, (K, T, action_dim).
        """
        return linear(self.output, gelu(self.hidden(torch.cat([latents, actions], dim=-1))))
