"""The heads: what the future is worth, and what the expert would do."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from simdist_ros.world_model.architecture import Architecture
from simdist_ros.world_model.encoders.encoder import Context
from simdist_ros.world_model.layers import Embedding
from simdist_ros.world_model.transformer import Decoder, EncoderBlock

__all__ = ['Heads', 'PolicyHead', 'ScoreHead']


class ScoreHead(nn.Module):
    """One number for each step of a horizon, seen as a whole."""

    def __init__(self, inputs: int, layers: int, heads: int, architecture: Architecture) -> None:
        """Make a head over vectors of `inputs` numbers."""
        super().__init__()
        a = architecture
        self.embedding = Embedding(inputs, a.horizon_steps, a.latent_dim)
        self.blocks = nn.ModuleList(
            EncoderBlock(a.latent_dim, heads, a.attention_factor) for _ in range(layers)
        )
        self.output = nn.Linear(a.latent_dim, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return scores (K, T) of (K, T, inputs)."""
        x = self.embedding(x)
        for block in self.blocks:
            x = block(x)
        scores: Tensor = self.output(x)
        return scores.squeeze(-1)

    def last(self, x: Tensor) -> Tensor:
        """Return the score at T alone, (K,), without computing what only the others need."""
        x = self.embedding(x)
        for block in self.blocks[:-1]:
            x = block(x)
        final = cast(EncoderBlock, self.blocks[-1])
        scores: Tensor = self.output(final.last(x))
        return scores[:, 0, 0]


class PolicyHead(nn.Module):
    """The expert's actions for a sequence of commands."""

    def __init__(self, architecture: Architecture) -> None:
        """Make the embedding of commands and the decoder."""
        super().__init__()
        a = architecture
        self.command = Embedding(a.command_dim, a.horizon_steps, a.latent_dim)
        self.decoder = Decoder(a.latent_dim, a.policy_heads, a.attention_factor, a.policy_layers)
        self.output = nn.Linear(a.latent_dim, a.action_dim)

    def forward(self, context: Context, commands: Tensor) -> Tensor:
        """Return scaled actions (B, T, action_dim) for scaled commands (B, T, command_dim)."""
        memory = self.decoder.memory(context.tokens)
        actions: Tensor = self.output(self.decoder(self.command(commands), memory))
        return actions


class Heads(nn.Module):
    """Reward, value and policy; frozen together. All inputs and outputs are scaled."""

    def __init__(self, architecture: Architecture) -> None:
        """Make the three heads."""
        super().__init__()
        a = architecture
        state = a.latent_dim + a.command_dim
        self.reward_head = ScoreHead(state + a.action_dim, a.reward_layers, a.reward_heads, a)
        self.value_head = ScoreHead(state, a.value_layers, a.value_heads, a)
        self.policy_head = PolicyHead(a)

    def rewards(self, latent: Tensor, latents: Tensor, actions: Tensor, cmds: Tensor) -> Tensor:
        """Return the reward of each step, (K, T).

        Args:
            latent: The present, with its encodings, (K, D).
            latents: The steps after it, (K, T, D).
            actions: Taken from now on, (K, T, action_dim).
            cmds: From now on, (K, T + 1, command_dim).
        """
        before = torch.cat([latent.unsqueeze(1), latents[:, :-1]], dim=1)
        scores: Tensor = self.reward_head(torch.cat([before, actions, cmds[:, :-1]], dim=-1))
        return scores

    def values(self, latents: Tensor, cmds: Tensor) -> Tensor:
        """Return the value of each predicted state, (K, T)."""
        scores: Tensor = self.value_head(torch.cat([latents, cmds[:, 1:]], dim=-1))
        return scores

    def final_value(self, latents: Tensor, cmds: Tensor) -> Tensor:
        """Return the value of the last predicted state, (K,)."""
        return self.value_head.last(torch.cat([latents, cmds[:, 1:]], dim=-1))

    def policy(self, context: Context, cmds: Tensor) -> Tensor:
        """Return actions (B, T, action_dim) for commands (B, T + 1, command_dim)."""
        actions: Tensor = self.policy_head(context, cmds[:, :-1])
        return actions
