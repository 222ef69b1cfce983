"""Noise on what a world model sees in training, so that real sensors do not surprise it."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from simdist_ros.embodiment.observation_terms import proprio_noise
from simdist_ros.embodiment.robot import Robot
from simdist_ros.pretraining.recipe import load_recipe

__all__ = ['ObservationNoise', 'add_noise', 'noise_limits']


def noise_limits(robot: Robot) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the largest noise of each number of proprio_obs (P,) and of extero_obs (E,).

    Raises:
        ConfigError: The robot has no recipe.
    """
    noise = load_recipe(robot).noise
    extero = [np.full(part.size, getattr(noise, part.name)) for part in robot.modalities]
    return proprio_noise(robot, noise), np.concatenate([np.zeros(0), *extero], dtype=np.float32)


def add_noise(noise: Tensor, seen: Tensor, around: Tensor) -> tuple[Tensor, Tensor]:
    """Return observations, (B, H + 1, P) and (B, E), with what was drawn for them.

    Args:
        noise: From `ObservationNoise.draw`, (B, (H + 1) * P + E).
        seen: Without noise.
        around: Without noise.
    """
    split = seen[0].numel()
    return seen + noise[:, :split].view_as(seen), around + noise[:, split:]


class ObservationNoise:
    """Draws uniform noise for H + 1 observations of the robot and one of its surroundings."""

    def __init__(
        self, robot: Robot, history_steps: int, scale: float, device: torch.device | str
    ) -> None:
        """Make noise of `scale` times the limits."""
        proprio, extero = noise_limits(robot)
        limits = np.concatenate([np.tile(proprio, history_steps + 1), extero])
        self.limits = torch.as_tensor(scale * limits, dtype=torch.float32, device=device)

    def draw(self, batch: int, generator: torch.Generator) -> Tensor:
        """Return noise as `WorldModelLoss` takes it, (batch, (H + 1) * P + E)."""
        shape = (batch, len(self.limits))
        uniform = torch.rand(shape, generator=generator, device=self.limits.device)
        return (2.0 * uniform - 1.0) * self.limits
