"""What makes inference fast on a CPU; it changes results by rounding alone.

PyTorch's own path through a hidden layer is a matrix product, then a GELU whose tanh takes longer
than the product. Where the CPU has AVX-512, oneDNN does both at once; PyTorch has that operator
for its compiler's sake, so its name begins with an underscore and it may not be there. It takes
the weights with every call, so that new weights act at once. On other CPUs it is slower than the
two alone, and a sigmoid, which is the same function, takes half the time of the tanh.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ['gelu', 'keep_freed_memory', 'linear', 'linear_gelu']

MIN_ROWS = 100  # below, the call costs more than it saves
SLOPE, CUBIC = 2.0 * math.sqrt(2.0 / math.pi), 0.044715
LARGEST_KEPT = 31 << 20  # bytes; glibc adapts up to 32 MiB


def find_operator() -> bool:
    """Tell whether this PyTorch has the operator and it is known to be faster here."""
    capability = torch.backends.cpu.get_cpu_capability()
    return capability.startswith('AVX512') and hasattr(OPS, '_linear_pointwise')


OPS = torch.ops.mkldnn
AVAILABLE = find_operator()


def linear(layer: nn.Linear, x: Tensor) -> Tensor:
    """Return ``layer(x)``, (..., outputs) for (..., inputs)."""
    return apply(layer, x, 'none', '') if can_fuse(x) else layer.forward(x)


def linear_gelu(layer: nn.Linear, x: Tensor) -> Tensor:
    """Return the GELU, in its tanh approximation, of ``layer(x)``."""
    if can_fuse(x):
        return apply(layer, x, 'gelu', 'tanh')
    return gelu(layer.forward(x))


def gelu(x: Tensor) -> Tensor:
    """Return the GELU in its tanh approximation, x / 2 (1 + tanh(u / 2)) = x sigmoid(u).

    Source:
        Hendrycks and Gimpel 2016, "Gaussian Error Linear Units"; tanh(u / 2) = 2 sigmoid(u) - 1.
    """
    if not (torch.is_inference_mode_enabled() and x.device.type == 'cpu'):
        return F.gelu(x, approximate='tanh')
    gate = (x * x).mul_(SLOPE * CUBIC).add_(SLOPE).mul_(x).sigmoid_()
    return gate.mul_(x)


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
