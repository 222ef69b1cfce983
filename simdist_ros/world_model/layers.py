"""Small layers that the parts of the model share."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn

from simdist_ros.world_model.cpu_inference import gelu, linear, linear_gelu

__all__ = ['Embedding', 'Mlp', 'gelu', 'layer_norm', 'learned']

LAYER_NORM_EPS = 1e-6  # not torch's 1e-5: the published weights were trained with it


def layer_norm(dim: int) -> nn.LayerNorm:
    """Make a layer norm over the last axis."""
    return nn.LayerNorm(dim, eps=LAYER_NORM_EPS)


def learned(*shape: int) -> nn.Parameter:
    """Make a learned encoding that is added to tokens."""
    return nn.Parameter(0.02 * torch.randn(*shape))


class Mlp(nn.Module):
    """Linear layers with a GELU between them, none after the last."""

    def __init__(self, inputs: int, hidden: Sequence[int], outputs: int) -> None:
        """Make one linear layer per hidden width, and the output layer."""
        super().__init__()
        sizes = [inputs, *hidden, outputs]
        self.layers = nn.ModuleList(nn.Linear(before, after) for before, after in pairwise(sizes))

    def forward(self, x: Tensor) -> Tensor:
        """Return (..., outputs) for (..., inputs)."""
        *hidden, output = (cast(nn.Linear, layer) for layer in self.layers)
        for layer in hidden:
            x = linear_gelu(layer, x)
        return linear(output, x)


class Embedding(nn.Module):
    """A linear layer and a learned encoding of the position in the horizon."""

    def __init__(self, inputs: int, steps: int, dim: int) -> None:
        """Embed vectors of `inputs` numbers at `steps` positions as tokens of size `dim`."""
        super().__init__()
        self.linear = nn.Linear(inputs, dim)
        self.position = learned(steps, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Return tokens (B, steps, dim) for (B, steps, inputs)."""
        return linear(self.linear, x) + self.position
