"""What recorded windows were worth, by following the command, and what a model expects of them.

A robot records no reward. Of each step counts exp(-e^2 / s^2), where e is the distance of the
base's velocity along the ground (odometry) from the one asked for, and s is `TOLERANCE_MPS`; after
a fall nothing counts. The model's return is that of the executed actions, by its own reward head.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from simdist_ros.adaptation.methods import encode, tensor
from simdist_ros.adaptation.pool import CHUNK, evenly
from simdist_ros.core.errors import ConfigError
from simdist_ros.core.observation import PROPRIO_TERMS
from simdist_ros.core.robot import Robot
from simdist_ros.planning.mppi import discounted_return
from simdist_ros.transitions.windows import Windows, WindowSampler
from simdist_ros.world_model.model import WorldModel

__all__ = ['expected_returns', 'recorded_outcomes', 'records_velocity', 'slips']

Array = NDArray[np.floating[Any]]

TOLERANCE_MPS = 0.4
GAMMA = 0.99
VELOCITY = 'base_lin_vel'
SLIPS = 0.25  # share of windows


def recorded_outcomes(robot: Robot, sampler: WindowSampler, most: int) -> Array:
    """Return the mean worth of a step in evenly spaced windows, (N,).

    Where a window reaches beyond the recording, its known steps count.
    """
    numbers = evenly(len(sampler), most)
    rows = [
        outcome(robot, sampler.gather(chunk), sampler.history_steps)
        for chunk in np.array_split(numbers, max(1, -(-len(numbers) // CHUNK)))
    ]
    return np.concatenate(rows)


def records_velocity(robot: Robot) -> bool:
    """Tell whether a robot's observations say how well it followed its command."""
    return VELOCITY in robot.proprio_obs


def slips(outcomes: Array) -> NDArray[np.intp]:
    """Return which windows are slips, the quarter in which the command was followed worst.

    Which those are depends on what happened alone, not on a model.

    Args:
        outcomes: Of all windows, (N,), from `recorded_outcomes`.
    """
    return np.argsort(outcomes, kind='stable')[: max(1, round(SLIPS * len(outcomes)))]


def outcome(robot: Robot, windows: Windows, past: int) -> Array:
    """Return the mean worth of a step in each window, (B,).

    Raises:
        ConfigError: The robot's observations hold no velocity.
    """
    if not records_velocity(robot):
        raise ConfigError(
            f'robot {robot.name!r} has no {VELOCITY!r} in proprio_obs; without it nobody knows '
            'how well it followed its command'
        )
    start = 0
    for term in robot.proprio_obs:
        if term == VELOCITY:
            break
        start += PROPRIO_TERMS[term][0](robot)
    reached = windows.proprio_obs[:, past + 1 :, start : start + 2]
    error = np.sum((reached - windows.commands[:, :-1, :2]) ** 2, axis=-1)
    worth = np.where(windows.is_known, np.exp(-error / TOLERANCE_MPS**2), 0.0)
    count = (windows.is_known | windows.has_ended).sum(axis=1)
    mean: Array = worth.sum(axis=1) / np.maximum(count, 1)
    return mean


@torch.inference_mode()
def expected_returns(model: WorldModel, sampler: WindowSampler, most: int) -> Array:
    """Return the discounted rewards that the model expects of the same windows, (N,)."""
    past, rows = model.architecture.history_steps, []
    numbers = evenly(len(sampler), most)
    for chunk in np.array_split(numbers, max(1, -(-len(numbers) // CHUNK))):
        windows = sampler.gather(chunk)
        context = encode(model, windows)
        actions, commands = tensor(windows.actions[:, past:]), tensor(windows.commands)
        latents = model.predict(model.memory(context), actions)
        rewards = model.rewards(context, latents, actions, commands)
        nothing = torch.zeros(len(chunk))
        rows.append(discounted_return(rewards, nothing, GAMMA).double().numpy())
    return np.concatenate(rows)
