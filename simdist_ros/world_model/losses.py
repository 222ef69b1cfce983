"""Mean squared errors over the numbers that count.

Both divide by how many count. They are two for the order in which they add, on which the bits of
a seeded training depend, and for what they may be given: `weighted_mse` adds all numbers at once,
and all must be finite; `masked_mse` averages each vector first, and leaves out what does not
count, which may be NaN in what a robot recorded.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ['masked_mse', 'weighted_mse']


def weighted_mse(found: Tensor, wanted: Tensor, weight: Tensor) -> Tensor:
    """Average the squared error over the entries that count; 0 if none does.

    Args:
        found: (B, T) or (B, T, D).
        wanted: The same shape.
        weight: 0 or 1, broadcast against them.
    """
    error = (found.float() - wanted.float()).square() * weight
    count = weight.sum() * (found[0, 0].numel() if found.dim() > 2 else 1)
    return error.sum() / count.clamp(min=1.0)


def masked_mse(found: Tensor, wanted: Tensor, weight: Tensor) -> Tensor:
    """Return the mean squared error over the entries that count; 0 if none does.

    What does not count may be NaN: it is left out, not multiplied by 0.

    Args:
        found: (B, T, D).
        wanted: The same shape.
        weight: 0 or 1, (B, T).
    """
    difference = torch.where(weight.unsqueeze(-1) > 0, found - wanted, 0.0)
    return difference.square().mean(-1).sum() / weight.sum().clamp(min=1.0)
