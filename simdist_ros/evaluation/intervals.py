"""Means with an interval, from few values."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ['Interval', 'jackknife', 'mean_interval', 'rank_correlation']

Array = NDArray[np.floating[Any]]

MAX_EXPONENT = 700.0

# Student's t at 97.5 %, for 1, 2, ... degrees of freedom; beyond, the normal distribution's 1.96
# with a correction that errs by less than 0.1 %.
T_TABLE = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)


@dataclass(frozen=True)
class Interval:
    """A mean and its 95 % interval, infinite for less than two values."""

    mean: float
    low: float
    high: float

    def exp(self) -> Interval:
        """Return the factor and its interval where this is the mean of logarithms."""
        return Interval(*(power(x) for x in (self.mean, self.low, self.high)))


def power(x: float) -> float:
    """Return e^x, infinite where that is too large."""
    return math.inf if x > MAX_EXPONENT else math.exp(x)


def t_quantile(freedom: int) -> float:
    """Return Student's t at 97.5 %, infinite for no degree of freedom."""
    if freedom < 1:
        return math.inf
    if freedom <= len(T_TABLE):
        return T_TABLE[freedom - 1]
    normal = 1.95996
    return (
        normal
        + (normal**3 + normal) / (4 * freedom)
        + (5 * normal**5 + 16 * normal**3 + 3 * normal) / (96 * freedom**2)
    )


def mean_interval(values: Array) -> Interval:
    """Return the mean of independent values, (N,), with a 95 % interval by Student's t."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return Interval(mean, -math.inf, math.inf)
    half = t_quantile(len(values) - 1) * float(np.std(values, ddof=1)) / math.sqrt(len(values))
    return Interval(mean, mean - half, mean + half)


def jackknife(statistic: Callable[[NDArray[np.bool_]], float], groups: NDArray[Any]) -> Interval:
    """Return a statistic of values that belong to groups, with a 95 % interval.

    Values of one group resemble each other; so whole groups are left out, one after the other.

    Args:
        statistic: Of the values that are kept, given which, (N,).
        groups: To which each value belongs, (N,).

    Source:
        Tukey's pseudo-values, as in Efron and Tibshirani, "An Introduction to the Bootstrap".
    """
    names = np.unique(groups)
    whole = statistic(np.ones(len(groups), dtype=bool))
    if len(names) < 2:
        return Interval(whole, -math.inf, math.inf)
    left_out = np.array([statistic(groups != name) for name in names])
    return mean_interval(len(names) * whole - (len(names) - 1) * left_out)


def rank_correlation(one: Array, other: Array) -> float:
    """Return Spearman's rank correlation of two rows, (N,); NaN where one is constant."""
    x, y = ranks(one), ranks(other)
    if len(x) < 2 or not x.std() or not y.std():
        return float('nan')
    return float(np.corrcoef(x, y)[0, 1])


def ranks(values: Array) -> Array:
    """Return the rank of each value, equal values sharing the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    shared: Array = (last - 0.5 * (counts - 1) - 1.0)[inverse]
    return shared
