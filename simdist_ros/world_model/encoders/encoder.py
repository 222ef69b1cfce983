"""The encoder: how the world looks from inside. Runs once a tick."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from simdist_ros.world_model.architecture import Architecture
from simdist_ros.world_model.encoders.height_map import HeightMapEncoder
from simdist_ros.world_model.encoders.ranges import RangesEncoder
from simdist_ros.world_model.encoders.sizes import obs_dims
from simdist_ros.world_model.layers import Mlp, learned

__all__ = ['Context', 'Encoder']

# By modality; the names are those of the weights.
ENCODERS: dict[str, type[HeightMapEncoder] | type[RangesEncoder]] = {
    'height_map': HeightMapEncoder,
    'ranges': RangesEncoder,
}


class Context(NamedTuple):
    """What the encoder says of the past and present.

    Attributes:
        tokens: Everything that the dynamics and the policy attend to, (B, 2H + 1, latent_dim).
        latent: The present token, with the encodings of its time and type, (B, latent_dim).
    """

    tokens: Tensor
    latent: Tensor


class Encoder(nn.Module):
    """Turns a history of observations and actions, and what is seen around, into a `Context`."""

    def __init__(self, architecture: Architecture) -> None:
        """Make the projections and the encodings."""
        super().__init__()
        a = architecture
        self.seen = obs_dims(a)  # numbers of each modality, in their order
        for name in self.seen:
            self.add_module(name, ENCODERS[name](a, a.latent_dim))
        self.proprio = Mlp(a.proprio_obs_dim, a.encoder_hidden, a.latent_dim)
        self.action = nn.Linear(a.action_dim, a.latent_dim)
        self.fusion = Mlp((1 + len(self.seen)) * a.latent_dim, a.encoder_hidden, a.latent_dim)
        self.time_encoding = learned(a.history_steps + 1, a.latent_dim)
        self.type_encoding = learned(3, a.latent_dim)  # observation, action, present

    def forward(self, proprio_obs_hist: Tensor, acts_hist: Tensor, extero_obs: Tensor) -> Context:
        """Encode the present and what led to it; all inputs are scaled.

        Args:
            proprio_obs_hist: Observations, the last row is the present, (B, H + 1, P).
            acts_hist: Actions between them, (B, H, action_dim).
            extero_obs: What is seen of the surroundings now, (B, E).
        """
        time, kind = self.time_encoding, self.type_encoding
        proprio = self.proprio(proprio_obs_hist)  # (B, H + 1, D)
        observations = proprio[:, :-1] + time[:-1] + kind[0]
        actions = self.action(acts_hist) + time[:-1] + kind[1]
        latent = self.fuse(proprio[:, -1], extero_obs) + time[-1] + kind[2]
        tokens = torch.cat([observations, actions, latent.unsqueeze(1)], dim=1)
        return Context(tokens, latent)

    def encode_latent(self, proprio_obs: Tensor, extero_obs: Tensor) -> Tensor:
        """Return the latent that the dynamics should predict for a step.

        Args:
            proprio_obs: Scaled observations, (..., P).
            extero_obs: Scaled, (..., E); its leading axes broadcast.

        Returns:
            Latents without encodings, (..., latent_dim).
        """
        return self.fuse(self.proprio(proprio_obs), extero_obs)

    def fuse(self, proprio: Tensor, extero_obs: Tensor) -> Tensor:
        """Join projected observations with what is seen of the surroundings."""
        parts = [proprio]
        seen = extero_obs.split_with_sizes(list(self.seen.values()), dim=-1) if self.seen else ()
        for name, x in zip(self.seen, seen, strict=True):
            parts.append(self.get_submodule(name)(x).expand(proprio.shape))
        latent: Tensor = self.fusion(torch.cat(parts, dim=-1))
        return latent
