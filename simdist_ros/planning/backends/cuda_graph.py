"""Records what a GPU does, then repeats it: without that, a plan is mostly launching of kernels.

A recording holds addresses, not numbers: what goes in is copied to where it was recorded, what
comes out lies where it lay then, and weights act at once when they are replaced in place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

__all__ = ['CudaGraph', 'flatten', 'rebuild']

WARM_UPS = 3  # libraries allocate and choose kernels in the first calls, which can't be recorded


class CudaGraph:
    """A function of tensors, or of named tuples of them, recorded for one set of shapes."""

    def __init__(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        """Record a call; the arguments give the shapes.

        Args:
            function: Launches kernels only: no synchronisation, nothing read on the host.
            arguments: Tensors on the GPU, or (nested) tuples of them.
        """
        self.inputs = [x.clone() for x in flatten(arguments)]
        own = rebuild(arguments, iter(self.inputs))
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(WARM_UPS):
                function(*own)
        torch.cuda.current_stream().wait_stream(stream)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.outputs = function(*own)

    def __call__(self, *arguments: Any) -> Any:
        """Repeat the call; what it returns is overwritten by the next one."""
        for own, given in zip(self.inputs, flatten(arguments), strict=True):
            own.copy_(given, non_blocking=True)
        self.graph.replay()
        return self.outputs


def flatten(value: Any) -> list[Tensor]:
    """Return the tensors of nested tuples, in order."""
    if isinstance(value, Tensor):
        return [value]
    return [x for item in value for x in flatten(item)]


def rebuild(like: Any, tensors: Any) -> Any:
    """Put tensors into the nested tuples that `like` has."""
    if isinstance(like, Tensor):
        return next(tensors)
    items = [rebuild(item, tensors) for item in like]
    return type(like)(*items) if hasattr(like, '_fields') else tuple(items)
