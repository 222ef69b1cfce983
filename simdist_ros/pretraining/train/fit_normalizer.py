"""Fit a world model's normalizer to the windows that it is trained on."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from simdist_ros.embodiment.robot import Robot
from simdist_ros.pretraining.train.observation_noise import noise_limits
from simdist_ros.transitions.shards.dataset import DatasetError
from simdist_ros.transitions.training_windows import Windows, WindowSampler
from simdist_ros.world_model.normalizer import Normalizer

__all__ = ['fit_normalizer']

NUM_WINDOWS = 20_000
CHUNK = 500
ACTION_QUANTILE = 0.001  # actions rarer than this, either way, are beyond the trained range
SMALLEST_STD = {'actions': 0.01, 'commands': 0.05, 'rewards': 1e-4, 'values': 1e-3}


def fit_normalizer(
    normalizer: Normalizer, windows: WindowSampler, robot: Robot, seed: int
) -> None:
    """Set means, standard deviations and the range of actions.

    No standard deviation is set below what sensor noise alone makes: on data of level ground
    only, say, a bump of a centimetre would be beyond everything that the model has seen.

    Args:
        normalizer: What to set.
        windows: Those of the training.
        robot: Whose data they are.
        seed: Of the draw.

    Raises:
        DatasetError: A quantity is not finite.
    """
    proprio, extero = noise_limits(robot)
    floor: dict[str, Any] = {
        **SMALLEST_STD,
        'proprio_obs': np.maximum(proprio, 1e-3),
        'extero_obs': extero,
    }
    generator = np.random.default_rng([seed, 2])
    size = min(NUM_WINDOWS, 4 * len(windows))
    sums: dict[str, Any] = {}
    actions = []
    for _ in range(-(-size // CHUNK)):
        quantities = rows(windows.draw(min(CHUNK, size), generator), windows.history_steps)
        actions.append(quantities['actions'].astype(np.float32))
        for name, x in quantities.items():
            found = np.stack([x.sum(axis=0), np.square(x).sum(axis=0)])
            total, count = sums.get(name, (0.0, 0))
            sums[name] = total + found, count + len(x)
    for name, (total, count) in sums.items():
        if not np.isfinite(total).all():
            raise DatasetError(f'the {name} hold numbers that are not finite; collect them again')
        mean, square = total / count
        std = np.sqrt(np.maximum(square - np.square(mean), 0.0))
        set_buffer(normalizer, f'{name}_mean', mean)
        set_buffer(normalizer, f'{name}_std', np.maximum(std, floor[name]))
    share = [ACTION_QUANTILE, 1.0 - ACTION_QUANTILE]
    low, high = np.quantile(np.concatenate(actions), share, axis=0)
    set_buffer(normalizer, 'action_low', low)
    set_buffer(normalizer, 'action_high', high)


def rows(windows: Windows, history_steps: int) -> dict[str, NDArray[np.float64]]:
    """Return the rows of each quantity, (N, width), as the model is fed or asked for them."""
    past, known = history_steps, windows.is_known
    counts = known | windows.has_ended
    found: dict[str, Any] = {
        'proprio_obs': windows.proprio_obs[:, past],
        'extero_obs': windows.extero_obs,
        'actions': windows.actions[:, past:][known],
        'commands': windows.commands[:, :-1][known],
        'rewards': np.zeros((1, 1)) if windows.rewards is None else windows.rewards[counts],
        'values': np.zeros((1, 1)) if windows.next_values is None else windows.next_values[counts],
    }
    return {name: np.asarray(x, np.float64).reshape(len(x), -1) for name, x in found.items()}


def set_buffer(normalizer: Normalizer, name: str, value: NDArray[np.float64]) -> None:
    """Overwrite one buffer of a normalizer."""
    buffer: torch.Tensor = getattr(normalizer, name)
    buffer.copy_(torch.as_tensor(value, dtype=torch.float32))
