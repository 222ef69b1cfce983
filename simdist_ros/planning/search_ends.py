"""Where a search starts, and what it comes to."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from simdist_ros.planning.mppi import Search

__all__ = ['SearchOutcome', 'SearchStart']


class SearchStart(NamedTuple):
    """Where a search starts.

    Attributes:
        start: Mean, prior and bounds.
        prior_return: The model's return of the policy prior; None if it was not asked for.
        effective_samples: How many proposals the weights of the mean amount to.
    """

    start: Search
    prior_return: float | None = None
    effective_samples: float = 1.0


class SearchOutcome(NamedTuple):
    """What the search came to: its mean or the prior, whichever returns more."""

    actions: Tensor  # (T, action_dim)
    gain: float
    effective_samples: float
    num_iterations: int
