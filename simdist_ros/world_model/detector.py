"""The detector: the log odds that a robot still has the fault it is believed to have.

It is a logistic regression on what the identifier summarises of a window, one row of numbers: a
weight for each feature, then a constant. Above 0 a window speaks for the fault, below for a robot
that is as its description says.
"""

from __future__ import annotations

from torch import Tensor

from simdist_ros.world_model.identifier import Identifier

__all__ = ['detector_size', 'log_odds']


def detector_size(identifier: Identifier) -> int:
    """Return how many numbers a detector has."""
    return identifier.num_features + 1


def log_odds(detector: Tensor, features: Tensor) -> Tensor:
    """Return the log odds of windows, (...,).

    Args:
        detector: (F + 1,).
        features: Of `Identifier.features`, (..., F).
    """
    return features @ detector[:-1] + detector[-1]
