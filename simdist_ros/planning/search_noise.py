"""The random draws of the search: in one fixed order, made ahead where there is time."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import torch
from torch import Tensor

from simdist_ros.planning.settings import MppiSettings

__all__ = ['SearchNoise', 'correlation']


class SearchNoise:
    """Standard normal draws, one block an iteration.

    They come from the CPU's generator whatever the device, so that a seed means the same plan
    everywhere, and in the same order whether they were drawn ahead or not.
    """

    def __init__(self, generator: torch.Generator) -> None:
        """Draw from a generator; nothing is drawn yet."""
        self.generator = generator
        self.ahead: deque[Tensor] = deque()
        self.mixing: Tensor | None = None  # of the settings' correlation, made once

    def prepare(self, settings: MppiSettings, shape: Sequence[int]) -> None:
        """Draw what a whole plan will take, so that the plan itself doesn't have to.

        Args:
            settings: Sizes and correlation; those of the blocks ahead, until `discard`.
            shape: Of an action sequence, (T, action_dim).
        """
        while len(self.ahead) < settings.num_iterations:
            self.ahead.append(self.draw(settings, shape))

    def discard(self) -> None:
        """Forget what was drawn ahead; it is of no use for a search of another size."""
        self.ahead.clear()

    def take(self, settings: MppiSettings, shape: Sequence[int]) -> Tensor:
        """Return the next block, (num_drawn, T, action_dim); arguments as in `prepare`."""
        return self.ahead.popleft() if self.ahead else self.draw(settings, shape)

    def draw(self, settings: MppiSettings, shape: Sequence[int]) -> Tensor:
        """Draw a block and correlate it along the horizon."""
        noise = torch.randn((settings.num_drawn, *shape), generator=self.generator)
        if not settings.noise_correlation:
            return noise
        if self.mixing is None:
            self.mixing = correlation(shape[0], settings.noise_correlation)
        return self.mixing @ noise


def correlation(steps: int, rho: float) -> Tensor:
    """Return what turns white noise into one of unit variance and correlation rho^|i - j|.

    The mix of white steps w: x_0 = w_0, x_k = rho x_{k-1} + sqrt(1 - rho^2) w_k.

    Returns:
        Lower triangular, (steps, steps).
    """
    step = torch.arange(steps)
    powers = rho ** (step[:, None] - step).clamp_min(0).float()
    scale = torch.full((steps,), (1.0 - rho**2) ** 0.5)
    scale[0] = 1.0
    return (powers * scale).tril()
