"""Multi-head attention, written so that what candidates share is computed once."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from simdist_ros.world_model.cpu_inference import linear

__all__ = ['CrossAttention', 'Memory', 'SelfAttention']


class Memory(NamedTuple):
    """Keys and values of the context, projected once for any number of candidates.

    Attributes:
        keys: Already divided by sqrt(head_dim), (layers, B, heads, M, head_dim).
        values: (layers, B, heads, M, head_dim).
    """

    keys: Tensor
    values: Tensor


def split_heads(x: Tensor, heads: int, parts: int) -> tuple[Tensor, ...]:
    """Split (B, L, parts * dim) into `parts` tensors (B, heads, L, head_dim)."""
    batch, length, width = x.shape
    x = x.view(batch, length, parts, heads, width // (parts * heads))
    return x.permute(2, 0, 3, 1, 4).unbind(0)


class SelfAttention(nn.Module):
    """Attention of a sequence to itself."""

    def __init__(self, dim: int, heads: int, *, causal: bool) -> None:
        """Make the projections; `causal` hides later positions from earlier ones."""
        super().__init__()
        self.heads = heads
        self.causal = causal
        self.query_key_value = nn.Linear(dim, 3 * dim)
        self.output = nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, L, dim) for (B, L, dim)."""
        query, key, value = split_heads(linear(self.query_key_value, x), self.heads, 3)
        return self.attend(query, key, value, causal=self.causal)

    def last(self, x: Tensor) -> Tensor:
        """Return what `forward` returns for the last position alone, (B, 1, dim)."""
        dim = x.shape[-1]
        weight, bias = self.query_key_value.weight, self.query_key_value.bias
        (query,) = split_heads(F.linear(x[:, -1:], weight[:dim], bias[:dim]), self.heads, 1)
        key, value = split_heads(F.linear(x, weight[dim:], bias[dim:]), self.heads, 2)
        return self.attend(query, key, value, causal=False)

    def attend(self, query: Tensor, key: Tensor, value: Tensor, *, causal: bool) -> Tensor:
        """Return the projected mean of the values, (B, Q, dim), weighted by softmax."""
        batch, heads, length, head_dim = query.shape
        query, key, value = (x.flatten(0, 1) for x in (query, key, value))
        mask = query.new_zeros(1, length, key.shape[1])
        if causal:
            mask = (mask - torch.inf).triu(1)
        scores = torch.baddbmm(mask, query, key.transpose(1, 2), alpha=head_dim**-0.5)
        mean = torch.bmm(scores.softmax(-1), value).view(batch, heads, length, head_dim)
        return linear(self.output, mean.transpose(1, 2).reshape(batch, length, -1))


class CrossAttention(nn.Module):
    """Attention of candidates to a context that they share."""

    def __init__(self, dim: int, heads: int) -> None:
        """Make the projections."""
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(dim, dim)
        self.key_value = nn.Linear(dim, 2 * dim)
        self.output = nn.Linear(dim, dim)

    def memory(self, tokens: Tensor) -> tuple[Tensor, ...]:
        """Return scaled keys and values (B, heads, M, head_dim) of context tokens (B, M, dim)."""
        keys, values = split_heads(self.key_value(tokens), self.heads, 2)
        return keys * keys.shape[-1] ** -0.5, values

    def forward(self, x: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Attend to the memory.

        The candidates that share a memory become one long axis of queries, so that nothing of
        the memory is copied. That axis comes last because softmax is fastest across it. Where
        each has its own, as in training, PyTorch's fused attention takes half the time.

        Args:
            x: Sequences of the candidates, (K, T, dim).
            keys: From `memory`, (B, heads, M, head_dim); K is a multiple of B.
            values: From `memory`, (B, heads, M, head_dim).

        Returns:
            (K, T, dim).
        """
        batch, heads, _, head_dim = keys.shape
        query = linear(self.query, x).view(batch, -1, heads, head_dim)
        if batch > 1 and len(x) == batch:  # in this order, or an export fixes the length
            mean = F.scaled_dot_product_attention(query.transpose(1, 2), keys, values, scale=1.0)
            return linear(self.output, mean.transpose(1, 2).reshape(x.shape))
        weights = (keys @ query.permute(0, 2, 3, 1)).softmax(-2)  # (B, heads, M, K / B * T)
        mean = values.transpose(-1, -2) @ weights  # (B, heads, head_dim, K / B * T)
        return linear(self.output, mean.flatten(1, 2).transpose(1, 2).reshape(x.shape))
