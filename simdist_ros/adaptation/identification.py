"""What is different about a robot, from the walks that its model is finetuned on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from simdist_ros.embodiment.belief import in_words
from simdist_ros.transitions.training_windows import CHUNK, WindowSampler, evenly
from simdist_ros.world_model.identifier import Identifier
from simdist_ros.world_model.model import WorldModel

__all__ = ['belief_words', 'identify', 'walked_windows']

SPACING = 10  # steps between the beginnings of two windows of a walk
MOST_WINDOWS = 2000  # of one walk or many, evenly spaced
LIMIT = 3.0  # of each number: beyond what experts are trained with
FEWEST = 0.2  # what is smaller than this is as described
TOLD = 3  # numbers


@torch.no_grad()
def identify(identifier: Identifier, walks: Sequence[WindowSampler]) -> Tensor | None:
    """Return the belief about the robot that walked, (belief_dim,), each within +-LIMIT.

    Args:
        identifier: In evaluation mode.
        walks: Whose episodes are looked at whole, whatever the length of their own windows.

    Returns:
        NaN where the identifier answers NaN, from which there are no plans, so that the gate
        refuses it; None where no episode is as long as its windows.
    """
    windows = walked_windows(walks, identifier.window_steps)
    if not len(windows):
        return None
    chosen = windows[evenly(len(windows), MOST_WINDOWS)]
    chunks = torch.split(torch.from_numpy(chosen), CHUNK)
    features = [identifier.features(chunk) for chunk in chunks]
    return identifier.identify(torch.cat(features)).clamp(-LIMIT, LIMIT)


def walked_windows(
    walks: Sequence[WindowSampler], steps: int
) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Return observation and action of each step, (B, steps, proprio + action), from all walks."""
    found = []
    for walk in walks:
        table = walk.table
        begins = [np.arange(0, n - steps + 1, SPACING) for n in table.num_steps]
        table = table.take(np.repeat(np.arange(len(begins)), [len(one) for one in begins]))
        time = np.concatenate([*begins, np.zeros(0, int)])[:, None] + np.arange(steps)
        observed = walk.read('proprio_obs', table.shard, table.state[:, None] + time)
        acted = walk.read('actions', table.shard, table.step[:, None] + time)
        found.append(np.concatenate([observed, acted], axis=-1))
    return np.concatenate(found)


def belief_words(model: WorldModel) -> str:
    """Tell the largest numbers of a model's belief by name and value; empty without a belief."""
    if model.belief is None:
        return ''
    names = () if model.identifier is None else model.identifier.names
    if not model.belief.isfinite().all():
        return 'not finite'
    large = int((model.belief.abs() >= FEWEST).sum())
    if not large:
        return 'the robot is as described'
    if len(names) != len(model.belief):  # nobody said what they are
        return f'{large} of {len(model.belief)} numbers are not as described'
    return ', '.join(in_words(names, model.belief.tolist(), min(large, TOLD)))
