"""What the robot is told to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ['JointCommand']


@dataclass(frozen=True, kw_only=True)
class JointCommand:
    """One command to all joints, in the robot's joint order.

    Attributes:
        stamp_ns: Stamp of the observation it answers [ns].
        position: Joint targets, (num_joints,) [rad]; None asks for damping only (velocity gain
            against velocity 0, no position gain), the safe state of a legged robot.
    """

    stamp_ns: int
    position: NDArray[np.floating[Any]] | None
