"""What is different about a robot, from the walks that its model is finetuned on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from simdist_ros.adaptation.settings import FinetuneSettings
from simdist_ros.embodiment.belief import in_words
from simdist_ros.transitions.training_windows import CHUNK, WindowSampler, evenly
from simdist_ros.world_model.identifier import Identifier
from simdist_ros.world_model.model import WorldModel

__all__ = ['belief_words', 'identified', 'identify', 'walked_windows']

WindowArray = NDArray[np.float32]

SPACING = 10  # steps between the beginnings of two windows of a walk
MOST_WINDOWS = 2000  # of one walk or many, evenly spaced
LIMIT = 3.0  # of each number: beyond what experts are trained with
FEWEST = 0.2  # what is smaller than this is as described
TOLD = 3  # numbers
LARGEST_DIFFERENCE = 0.25  # of two halves' beliefs, as a share of the larger one's length
DOUBT = 0.5  # length of a difference that is none: what walks of one healthy robot differ by


def identified(
    model: WorldModel,
    walks: Sequence[WindowSampler],
    settings: FinetuneSettings,
    period_s: float,
    say: Callable[[str], None] = lambda line: None,
) -> Tensor | None:
    """Return the belief that the newest walking tells, if both halves of it tell a similar one.

    Args:
        model: With or without an identifier.
        walks: Of one robot, whose episodes are looked at whole.
        settings: Whether to identify, and how much walking.
        period_s: Of a control step [s].
        say: Prints a line about the belief, or about why there is none.

    Returns:
        (belief_dim,); None where there is none, so that the belief of before stays.
    """
    if model.identifier is None or not settings.identifies:
        return None
    newest = round(settings.identify_s / period_s)
    windows = walked_windows(walks, model.identifier.window_steps, newest)
    if not len(windows):
        say('no walk is long enough to identify the robot; the belief stays as it was')
        return None
    belief = identify(model.identifier, windows)
    if len(windows) > 1:
        halves = [identify(model.identifier, part) for part in np.array_split(windows, 2)]
        difference, most = disagreement(*halves)
        if difference > most:  # what is not finite goes on, for the gate to refuse
            say(
                'the first and the second half of the walks tell different beliefs (apart '
                f'{difference:.2f}, allowed {most:.2f}): the belief stays as it was'
            )
            return None
    say(f'belief: {belief_words(model, belief)}')
    return belief


def disagreement(one: Tensor, other: Tensor) -> tuple[float, float]:
    """Return how far two beliefs about one robot are apart, and how far they may be."""
    longest = max(float(one.norm()), float(other.norm()))
    return float((one - other).norm()), max(DOUBT, LARGEST_DIFFERENCE * longest)


@torch.no_grad()
def identify(identifier: Identifier, windows: WindowArray) -> Tensor:
    """Return the belief about the robot that walked, (belief_dim,), each within +-LIMIT.

    Args:
        identifier: In evaluation mode.
        windows: Of `walked_windows`, at least one.

    Returns:
        NaN where the identifier answers NaN, from which there are no plans, so that the gate
        refuses it.
    """
    chosen = windows[evenly(len(windows), MOST_WINDOWS)]
    chunks = torch.split(torch.from_numpy(chosen), CHUNK)
    features = [identifier.features(chunk) for chunk in chunks]
    return identifier.identify(torch.cat(features)).clamp(-LIMIT, LIMIT)


def walked_windows(
    walks: Sequence[WindowSampler], steps: int, newest: int | None = None
) -> WindowArray:
    """Return observation and action of each step, (B, steps, proprio + action), the oldest first.

    Args:
        walks: Of one dataset.
        steps: Of a window.
        newest: Steps of walking to look at, the last ones; None for all. An episode counts whole.
    """
    found = []
    for walk, episode in newest_episodes(walks, newest):
        table = walk.table.take(np.array([episode]))
        begins = np.arange(0, table.num_steps[0] - steps + 1, SPACING)
        time = begins[:, None] + np.arange(steps)
        shard = np.repeat(table.shard, len(begins))
        observed = walk.read('proprio_obs', shard, table.state + time)
        acted = walk.read('actions', shard, table.step + time)
        found.append(np.concatenate([observed, acted], axis=-1))
    return np.concatenate(found) if found else np.zeros((0, steps, 0), np.float32)


def newest_episodes(
    walks: Sequence[WindowSampler], newest: int | None
) -> list[tuple[WindowSampler, int]]:
    """Return the last episodes that are so many steps together, in the order of time."""
    tables = [walk.table for walk in walks]
    order = sorted(
        (int(table.shard[e]), int(table.step[e]), number, e)
        for number, table in enumerate(tables)
        for e in range(len(table.step))
    )
    chosen: list[tuple[WindowSampler, int]] = []
    seen = 0
    for _, _, number, episode in reversed(order):
        if newest is not None and seen >= newest:
            break
        chosen.append((walks[number], episode))
        seen += int(tables[number].num_steps[episode])
    return chosen[::-1]


def belief_words(model: WorldModel, belief: Tensor | None = None) -> str:
    """Tell the largest numbers of a belief by name and value; empty without a belief.

    Args:
        model: Whose identifier says what the numbers are.
        belief: (belief_dim,); None for the model's own.
    """
    belief = model.belief if belief is None else belief
    if belief is None:
        return ''
    names = () if model.identifier is None else model.identifier.names
    if not belief.isfinite().all():
        return 'not finite'
    large = int((belief.abs() >= FEWEST).sum())
    if not large:
        return 'the robot is as described'
    if len(names) != len(belief):  # nobody said what they are
        return f'{large} of {len(belief)} numbers are not as described'
    return ', '.join(in_words(names, belief.tolist(), min(large, TOLD)))
