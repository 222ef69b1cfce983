"""The latent dynamics: what the future will look like. Runs once a candidate."""

from __future__ import annotations

from torch import Tensor, nn

from simdist_ros.world_model.architecture import Architecture
from simdist_ros.world_model.attention import Memory
from simdist_ros.world_model.encoders.encoder import Context
from simdist_ros.world_model.layers import Embedding
from simdist_ros.world_model.transformer import Decoder

__all__ = ['Dynamics']


class Dynamics(nn.Module):
    """Predicts the latents that a sequence of actions leads to."""

    def __init__(self, architecture: Architecture) -> None:
        """Make the embedding of actions and the decoder."""
        super().__init__()
        a = architecture
        self.action = Embedding(a.action_dim, a.horizon_steps, a.latent_dim)
        self.decoder = Decoder(
            a.latent_dim, a.dynamics_heads, a.attention_factor, a.dynamics_layers
        )

    def memory(self, context: Context) -> Memory:
        """Return the keys and values that all candidates share; once a tick."""
        return self.decoder.memory(context.tokens)

    def forward(self, memory: Memory, actions: Tensor) -> Tensor:
        """Predict.

        Args:
            memory: Of batch B, where K is a multiple of B: each memory serves K / B successive
                candidates.
            actions: Scaled actions from now on, (K, T, action_dim).

        Returns:
            Latents of the steps after them, (K, T, latent_dim).
        """
        latents: Tensor = self.decoder(self.action(actions), memory)
        return latents
