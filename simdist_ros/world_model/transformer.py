"""Post-norm transformer blocks: encoder blocks for scores, decoders for sequences."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from simdist_ros.world_model.attention import CrossAttention, Memory, SelfAttention
from simdist_ros.world_model.layers import Mlp, layer_norm

__all__ = ['Decoder', 'EncoderBlock']


class EncoderBlock(nn.Module):
    """Self-attention without a mask, then an MLP."""

    def __init__(self, dim: int, heads: int, factor: int) -> None:
        """Make a block whose MLP is `factor` times as wide as a token."""
        super().__init__()
        self.attention = SelfAttention(dim, heads, causal=False)
        self.norm_1 = layer_norm(dim)
        self.mlp = Mlp(dim, (factor * dim,), dim)
        self.norm_2 = layer_norm(dim)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, L, dim) for (B, L, dim)."""
        return self.finish(x, self.attention(x))

    def last(self, x: Tensor) -> Tensor:
        """Return what `forward` returns for the last position alone, (B, 1, dim)."""
        return self.finish(x[:, -1:], self.attention.last(x))

    def finish(self, x: Tensor, attended: Tensor) -> Tensor:
        """Add, normalise, and pass through the MLP."""
        x = self.norm_1(x + attended)
        x = self.norm_2(x + self.mlp(x))
        return x


class DecoderBlock(nn.Module):
    """Causal self-attention, attention to the context, then an MLP."""

    def __init__(self, dim: int, heads: int, factor: int) -> None:
        """Make a block whose MLP is `factor` times as wide as a token."""
        super().__init__()
        self.self_attention = SelfAttention(dim, heads, causal=True)
        self.norm_1 = layer_norm(dim)
        self.cross_attention = CrossAttention(dim, heads)
        self.norm_2 = layer_norm(dim)
        self.mlp = Mlp(dim, (factor * dim,), dim)
        self.norm_3 = layer_norm(dim)

    def forward(self, x: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Return (K, T, dim) for (K, T, dim) and one layer of a `Memory`."""
        x = self.norm_1(x + self.self_attention(x))
        x = self.norm_2(x + self.cross_attention(x, keys, values))
        x = self.norm_3(x + self.mlp(x))
        return x


class Decoder(nn.Module):
    """Decoder blocks that attend to a context whose keys and values are made once."""

    def __init__(self, dim: int, heads: int, factor: int, layers: int) -> None:
        """Make `layers` blocks."""
        super().__init__()
        self.blocks = nn.ModuleList(DecoderBlock(dim, heads, factor) for _ in range(layers))

    def memory(self, tokens: Tensor) -> Memory:
        """Return the keys and values of context tokens (B, M, dim)."""
        attentions = [cast(DecoderBlock, block).cross_attention for block in self.blocks]
        keys, values = zip(*(one.memory(tokens) for one in attentions), strict=True)
        return Memory(torch.stack(keys), torch.stack(values))

    def forward(self, x: Tensor, memory: Memory) -> Tensor:
        """Return (K, T, dim) for (K, T, dim); K is a multiple of the memory's batch."""
        for block, keys, values in zip(self.blocks, memory.keys, memory.values, strict=True):
            x = block(x, keys, values)
        return x
