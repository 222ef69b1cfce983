"""The detector: the log odds that a robot has the fault it is believed to have.

It is two logistic regressions on what the identifier summarises of a window, for who acted in
it: first the usual expert, then the one for the robot with the fault, who may hide it. Each is a
row of a weight for each feature and a constant. Above 0 a window speaks for the fault, below for
a robot that is as its description says. Where the latter hides it, its row is of zeros: nothing
then speaks against the fault.
"""

from __future__ import annotations

from torch import Tensor

from simdist_ros.world_model.identifier import Identifier

__all__ = ['detector_shape', 'log_odds']


def detector_shape(identifier: Identifier) -> tuple[int, int]:
    """Return the shape of a detector, (2, F + 1)."""
    return 2, identifier.num_features + 1


def log_odds(detector: Tensor, features: Tensor) -> Tensor:
    """Return the log odds of windows by either row, (B, 2).

    Args:
        detector: (2, F + 1).
        features: Of `Identifier.features`, (B, F).
    """
    return features @ detector[:, :-1].T + detector[:, -1]
