"""Where a simulated robot is: what its sensors measure and its reports tell alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ['Coordinates']

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True, kw_only=True)
class Coordinates:
    """Where it is and how it turns at one time.

    Attributes:
        time_ns: True time since the start [ns].
        position: Base origin in the world, (3,) [m].
        orientation: Base as w, x, y, z, (4,).
        angular_velocity: In the base frame, (3,) [rad/s].
        joint_pos: In the robot's order, (num_joints,) [rad].
        joint_vel: In the robot's order, (num_joints,) [rad/s].
    """

    time_ns: int
    position: Array
    orientation: Array
    angular_velocity: Array
    joint_pos: Array
    joint_vel: Array
