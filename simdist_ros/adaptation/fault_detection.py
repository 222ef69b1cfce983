"""Fits a detector: what tells a robot with a fault from a healthy one, by walks of both."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from simdist_ros.world_model.detector import log_odds
from simdist_ros.world_model.identifier import Identifier

__all__ = ['MISTAKEN', 'careful', 'fit_detector', 'log_odds_fit']

F32 = NDArray[np.float32]
Logged = tuple[F32, NDArray[np.int64]]  # of `BatchWalks.log`

SPACING = 5  # steps between the beginnings of two windows of a walk
DECAY = 3e-3  # of weights of standardised features; unregularised, windows seem too sure
LEAST_SPREAD = 1e-3
MOST_ITERATIONS = 200
NOTICED = 0.5  # of the windows of healthy robots, else nothing is
MISTAKEN = 0.02  # of the windows of those with a fault may speak against it


def fit_detector(
    identifier: Identifier,
    faulty: Sequence[Logged],
    healthy: Sequence[Logged],
    others: Logged,
) -> Tensor | None:
    """Return the detector of a fault, (2, F + 1); None where either kind never walks a window.

    Where healthy robots are mostly not noticed with the expert for the fault, its row is of zeros.

    Args:
        identifier: In evaluation mode.
        faulty: Walks of robots with the fault, the usual expert's first.
        healthy: Walks of robots as their description says, in the same order.
        others: Walks of other robots with the fault, not the usual expert's.
    """
    has, has_not = ([features_of(identifier, one) for one in walks] for walks in (faulty, healthy))
    if not all(len(windows) for windows in (*has, *has_not)):
        return None
    usual, informed = (log_odds_fit(*pair) for pair in zip(has, has_not, strict=True))
    informed = careful(informed, features_of(identifier, others))
    if (log_odds(informed[None], has_not[1]) < 0.0).float().mean() < NOTICED:
        informed = torch.zeros_like(informed)
    return torch.stack([usual, informed])


def careful(line: Tensor, has: Tensor) -> Tensor:
    """Return a row by which few windows of robots with a fault speak against it, (F + 1,).

    Who lives well with a fault moves like a healthy robot, and falls if it is taken for one.

    Args:
        line: Weights and constant.
        has: Features of such robots, others than it was fitted to, (B, F).
    """
    if not len(has):
        return line
    lowest = torch.quantile(log_odds(line[None], has), MISTAKEN)
    return torch.cat([line[:-1], line[-1:] - lowest.clamp(max=0.0)])


@torch.no_grad()
def features_of(identifier: Identifier, walks: Logged) -> Tensor:
    """Summarise all windows before anybody's fall, (B, F)."""
    rows, lasted = walks
    steps = identifier.window_steps
    found = [torch.zeros(0, identifier.num_features)]
    for robot_number, last in enumerate(lasted):
        begins = range(0, last - steps + 1, SPACING)
        windows = [rows[robot_number, begin : begin + steps] for begin in begins]
        if windows:
            found.append(identifier.features(torch.from_numpy(np.stack(windows))))
    return torch.cat(found)


def log_odds_fit(has: Tensor, has_not: Tensor) -> Tensor:
    """Return weights and constant of a logistic regression, (F + 1,); both kinds count the same.

    Args:
        has: Features of those of which it is to be above 0, (B, F).
        has_not: Of the others, (C, F).
    """
    features = torch.cat([has, has_not]).double()
    mean, spread = features.mean(0), features.std(0, unbiased=False) + LEAST_SPREAD
    scaled = (features - mean) / spread
    truth = torch.cat([torch.ones(len(has)), torch.zeros(len(has_not))]).double()
    share = len(has) / len(truth)
    weight = torch.where(truth > 0, 0.5 / share, 0.5 / (1.0 - share))
    line = nn.Parameter(torch.zeros(features.shape[1] + 1, dtype=torch.float64))
    search = torch.optim.LBFGS([line], max_iter=MOST_ITERATIONS, line_search_fn='strong_wolfe')

    def loss() -> Tensor:
        search.zero_grad()
        odds = scaled @ line[:-1] + line[-1]
        wrong = nn.functional.binary_cross_entropy_with_logits(odds, truth, weight)
        total = wrong + DECAY * (line[:-1] ** 2).sum()
        total.backward()  # type: ignore[no-untyped-call]
        return total

    search.step(loss)  # type: ignore[no-untyped-call]
    weights = line.detach()[:-1] / spread
    return torch.cat([weights, (line.detach()[-1:] - weights @ mean)]).float()
