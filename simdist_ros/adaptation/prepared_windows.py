"""Windows that were prepared once, to draw batches from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from simdist_ros.adaptation.methods import Encoded, Method
from simdist_ros.core.errors import ConfigError
from simdist_ros.transitions.training_windows import CHUNK, WindowSampler, evenly

__all__ = ['Pool', 'fill_pool']


@dataclass(frozen=True)
class Pool:
    """Prepared windows, (N, ...) each."""

    tensors: Encoded

    def __len__(self) -> int:
        """Number of windows."""
        return len(self.tensors[0])

    def draw(self, size: int, generator: np.random.Generator) -> Encoded:
        """Draw windows with replacement."""
        chosen = torch.from_numpy(generator.integers(len(self), size=size))
        return tuple(x.index_select(0, chosen) for x in self.tensors)

    def chunks(self) -> list[Encoded]:
        """Return all windows, some hundred at a time."""
        return list(zip(*(torch.split(x, CHUNK) for x in self.tensors), strict=True))

    @torch.no_grad()
    def error(self, method: Method) -> float:
        """Return the mean error over all windows."""
        total, count = 0.0, 0
        for chunk in self.chunks():
            size = len(chunk[0])
            total += float(method.error(chunk)) * size
            count += size
        return total / max(count, 1)


def fill_pool(method: Method, sampler: WindowSampler, most: int, what: str) -> Pool:
    """Prepare evenly spaced windows.

    Args:
        method: What to prepare them for.
        sampler: Where they come from.
        most: Largest number of them.
        what: Name of the data, for the error message.

    Raises:
        ConfigError: There are none, or an observation or an action is not finite.
    """
    if not len(sampler):
        raise ConfigError(f'{what} hold no window of history and horizon; record longer episodes')
    parts: list[Encoded] = []
    numbers = evenly(len(sampler), most)
    with torch.no_grad():
        for chunk in np.array_split(numbers, -(-len(numbers) // CHUNK)):
            windows = sampler.gather(chunk)
            seen = (windows.proprio_obs, windows.extero_obs, windows.actions)
            if not all(np.isfinite(array).all() for array in seen):
                raise ConfigError(f'{what} hold observations or actions that are not finite')
            parts.append(method.prepare(windows))
    joined: list[Tensor] = [torch.cat(column) for column in zip(*parts, strict=True)]
    return Pool(tuple(joined))
