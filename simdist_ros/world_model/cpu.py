"""What makes inference fast on a CPU; it changes no result.

PyTorch's own path through a hidden layer is a matrix product, then a GELU whose tanh takes longer
than the product. oneDNN does both at once; PyTorch has that operator for its compiler's sake, so
its name begins with an underscore and it may not be there. It takes the weights with every call,
so that new weights act at once.
"""

from __future__ import annotations

import platform

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ['keep_freed_memory', 'linear', 'linear_gelu']

MIN_ROWS = 100  # below, the call costs more than it saves
LARGEST_KEPT = 31 << 20  # bytes; glibc adapts up to 32 MiB


def find_operator() -> bool:
    """Tell whether this PyTorch has the operator and it is known to be faster here."""
    x86 = platform.machine().lower() in ('x86_64', 'amd64')
    return x86 and hasattr(OPS, '_linear_pointwise')


OPS = torch.ops.mkldnn
AVAILABLE = find_operator()


def linear(layer: nn.Linear, x: Tensor) -> Tensor:
    """Return ``layer(x)``, (..., outputs) for (..., inputs)."""
    return apply(layer, x, 'none', '') if can_fuse(x) else layer.forward(x)


def linear_gelu(layer: nn.Linear, x: Tensor) -> Tensor:
    """Return the GELU, in its tanh approximation, of ``layer(x)``."""
    if can_fuse(x):
        return apply(layer, x, 'gelu', 'tanh')
    return F.gelu(layer.forward(x), approximate='tanh')


def can_fuse(x: Tensor) -> bool:
    """Tell whether the fused operator is right and worth it for this input."""
    return (
        AVAILABLE
        and torch.is_inference_mode_enabled()
        and x.device.type == 'cpu'
        and x.dtype == torch.float32
        and x.numel() >= MIN_ROWS * x.shape[-1]
    )


def apply(layer: nn.Linear, x: Tensor, activation: str, variant: str) -> Tensor:
    """Call oneDNN."""
    result: Tensor = OPS._linear_pointwise(x, layer.weight, layer.bias, activation, [], variant)
    return result


def keep_freed_memory() -> None:
    """Let the allocator keep what tensors free, which halves the time of a large batch.

    glibc gives each freed block of more than 128 KiB back to the system, so that the next tensor
    is zeroed page by page, until one larger block has been freed: from then on it keeps blocks up
    to that size. So free one that was never touched. Elsewhere this does nothing.
    """
    block = torch.empty(LARGEST_KEPT, dtype=torch.uint8)
    del block
