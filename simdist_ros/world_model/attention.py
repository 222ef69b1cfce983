"""Multi-head attention, written so that what candidates share is computed once."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ['CrossAttention', 'Memory', 'SelfAttention']


class Memory(NamedTuple):
    """Keys and values of the context, projected once for any number of candidates.

    Attributes:
        keys: (layers, B, heads, M, head_dim).
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
        query, key, value = split_heads(self.query_key_value(x), self.heads, 3)
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
        scores = (query * head_dim**-0.5) @ key.transpose(-1, -2)  # (B, heads, Q, L)
        if causal:
            scores = scores + torch.full_like(scores[0, 0], -torch.inf).triu(1)
        mean = (scores.softmax(-1) @ value).transpose(1, 2)
        out: Tensor = self.output(mean.reshape(batch, length, heads * head_dim))
        return out


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
        """Return keys and values (B, heads, M, head_dim) of context tokens (B, M, dim)."""
        return split_heads(self.key_value(tokens), self.heads, 2)

    def forward(self, x: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Attend to the memory.

        The candidates that share a memory become one long axis of queries, so that nothing of
        the memory is copied.

        Args:
            x: Sequences of the candidates, (K, T, dim).
            keys: Keys, (B, heads, M, head_dim); K is a multiple of B.
            values: Values, (B, heads, M, head_dim).

        Returns:
            (K, T, dim).
        """
        batch, heads, _, head_dim = keys.shape
        query = self.query(x).view(batch, -1, heads, head_dim).transpose(1, 2)
        mean = F.scaled_dot_product_attention(query, keys, values)
        out: Tensor = self.output(mean.transpose(1, 2).reshape(x.shape))
        return out
