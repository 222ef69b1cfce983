"""The way to the stand pose."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ['StandRamp']

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True, kw_only=True)
class StandRamp:
    """A half-cosine from one joint target to another; at rest at both ends.

    Attributes:
        start_ns: Stamp at which it begins [ns].
        duration_s: How long it takes [s], above 0.
        start: Joint targets at the start, (num_joints,) [rad].
        end: Joint targets at the end, (num_joints,) [rad].
    """

    start_ns: int
    duration_s: float
    start: Array
    end: Array

    def target(self, stamp_ns: int) -> Array:
        """Return the joint targets at a stamp, (num_joints,) [rad]."""
        share = 1e-9 * (stamp_ns - self.start_ns) / self.duration_s
        blend = 0.5 - 0.5 * math.cos(math.pi * min(1.0, max(0.0, share)))
        target: Array = self.start + blend * (self.end - self.start)
        return target

    def is_over(self, stamp_ns: int) -> bool:
        """Tell whether the end is reached."""
        return 1e-9 * (stamp_ns - self.start_ns) >= self.duration_s
