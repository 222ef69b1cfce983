"""What counts as fallen, in simulation, on a robot and in a recording alike."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.embodiment.robot import Robot

__all__ = ['has_fallen']

Array = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]


def has_fallen(
    robot: Robot,
    gravity: Array,
    height_m: float | Array,
    *,
    trunk_contact: bool | Mask = False,
    without_ground: bool = False,
) -> Mask:
    """Tell which bases are tilted too far, too low, or lie on the ground, (...); no fixed one is.

    Args:
        robot: Its `max_tilt_rad` and `fallen_height_m` are the limits.
        gravity: Direction of gravity in the base frame, (..., 3).
        height_m: Of the base above the ground, (...) [m]; NaN where unknown.
        trunk_contact: Whether the trunk touches the ground, (...); only a simulator knows.
        without_ground: Whether an unknown height is a fall: in simulation there is no ground
            there, on a robot a sensor has not seen it.
    """
    if not robot.has_free_base:
        return np.zeros(gravity.shape[:-1], dtype=bool)
    tilted = -gravity[..., 2] < np.cos(robot.max_tilt_rad)
    low = np.less(height_m, robot.fallen_height_m)
    if without_ground:
        low = low | np.isnan(height_m)
    fallen: Mask = tilted | low | trunk_contact
    return fallen
