"""What recorded windows were worth, by sensors alone, and what a model expects of them.

A robot records no reward. Each step counts as its task has it, 0 .. 1: how well the command was
followed, in walking less by how far the base was tilted. A window with a failure, such as a fall,
is worth less than any without, and less the sooner it came. The model's return is what the planner
would give the executed actions: its rewards and the value of where they lead.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from simdist_ros.embodiment.robot import Robot
from simdist_ros.tasks.choice import task_of
from simdist_ros.transitions.training_windows import CHUNK, Windows, WindowSampler, evenly
from simdist_ros.world_model.context_windows import context_of, tensor
from simdist_ros.world_model.model import WorldModel
from simdist_ros.world_model.returns import discounted_return

__all__ = [
    'expected_returns',
    'recorded_falls',
    'recorded_following',
    'recorded_outcomes',
    'slips',
]

Array = NDArray[np.floating[Any]]
Bools = NDArray[np.bool_]

SLIPS = 0.25  # share of windows


def recorded_outcomes(robot: Robot, sampler: WindowSampler, most: int) -> Array:
    """Return what evenly spaced windows were worth, (N,): -1 .. 0 with a fall, 0 .. 1 without.

    Raises:
        ConfigError: The robot's observations do not tell.
    """
    task, past, rows = task_of(robot), sampler.history_steps, []
    for chunk in chunks(len(sampler), most):
        windows = sampler.gather(chunk)
        steps = task.worth(*reached(windows, past))
        lost = (windows.has_ended.sum(axis=1) + 1) / sampler.horizon_steps  # the falling step too
        worth = mean_of_steps(windows, steps)
        rows.append(np.where(sampler.ends_in_fall(chunk), -lost, worth))
    return np.concatenate(rows)


def recorded_following(robot: Robot, sampler: WindowSampler, most: int) -> Array:
    """Return how well the command was followed in evenly spaced windows, (N,), 0 .. 1.

    After a fall nothing counts. Beyond the mere end of a recording, the known steps do.

    Raises:
        ConfigError: The robot's observations do not tell.
    """
    task, rows = task_of(robot), []
    for chunk in chunks(len(sampler), most):
        windows = sampler.gather(chunk)
        followed = task.followed(*reached(windows, sampler.history_steps))
        rows.append(mean_of_steps(windows, followed))
    return np.concatenate(rows)


def recorded_falls(sampler: WindowSampler, most: int) -> Bools:
    """Return in which of evenly spaced windows the robot fell, (N,)."""
    return sampler.ends_in_fall(evenly(len(sampler), most))


def slips(following: Array) -> NDArray[np.intp]:
    """Return which windows are slips, the quarter in which the command was followed worst.

    Which those are depends on what happened alone, not on a model.

    Args:
        following: Of all windows, (N,), from `recorded_following`.
    """
    return np.argsort(following, kind='stable')[: max(1, round(SLIPS * len(following)))]


def chunks(count: int, most: int) -> list[NDArray[np.int64]]:
    """Return the numbers of evenly spaced windows, some at once."""
    numbers = evenly(count, most)
    return np.array_split(numbers, max(1, -(-len(numbers) // CHUNK)))


def reached(windows: Windows, past: int) -> tuple[Array, Array]:
    """Return what was observed after each step, (B, T, P), and what it answered, (B, T, C)."""
    return windows.proprio_obs[:, past + 1 :], windows.commands[:, :-1]


def mean_of_steps(windows: Windows, worth: Array) -> Array:
    """Return the mean over the known steps and those after a fall, which count nothing, (B,)."""
    count = (windows.is_known | windows.has_ended).sum(axis=1)
    mean: Array = np.where(windows.is_known, worth, 0.0).sum(axis=1) / np.maximum(count, 1)
    return mean


@torch.inference_mode()
def expected_returns(model: WorldModel, sampler: WindowSampler, most: int) -> Array:
    """Return what the planner would expect of the same windows' actions, (N,)."""
    past, rows = model.architecture.history_steps, []
    for chunk in chunks(len(sampler), most):
        windows = sampler.gather(chunk)
        context = context_of(model, windows)
        actions, commands = tensor(windows.actions[:, past:]), tensor(windows.commands)
        latents = model.predict(model.memory(context), actions)
        rewards = model.rewards(context, latents, actions, commands)
        value = model.final_value(latents, commands)
        found = discounted_return(rewards, value)
        rows.append(found.double().numpy())
    return np.concatenate(rows)
