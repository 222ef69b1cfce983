"""How well a velocity follows the one commanded."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.embodiment.robot import Robot

__all__ = ['STARTING_S', 'following', 'gait_steps', 'smoothed', 'tracking_error']

Array = NDArray[np.floating[Any]]

STARTING_S = 1.0  # from standing to the commanded velocity; not part of the tracking error


def following(velocity: Array, wanted: Array, tolerance: float) -> Array:
    """Score velocities, (...), 1 where the command is met, exp(-1) one tolerance beside it.

    Args:
        velocity: Reached, (..., D) [m/s or rad/s].
        wanted: Commanded, (..., D).
        tolerance: In the same unit, above 0.
    """
    score: Array = np.exp(-np.sum((velocity - wanted) ** 2, axis=-1) / tolerance**2)
    return score


def gait_steps(robot: Robot) -> int:
    """Return the control steps of a gait period, over which a base velocity is averaged."""
    return max(1, round(robot.phase_period_s * robot.control_rate_hz))


def smoothed(velocity: Array, steps: int) -> Array:
    """Average over `steps` successive rows, (N - steps + 1, D) of (N, D); row 0 ends at step - 1.

    Args:
        velocity: One row a control step, (N, D), N >= steps.
        steps: At least 1.
    """
    kernel = np.full(steps, 1.0 / steps)
    return np.stack([np.convolve(column, kernel, 'valid') for column in velocity.T], axis=-1)


def tracking_error(robot: Robot, velocity: Array, wanted: Array) -> float:
    """Return the mean distance of the velocity along the ground from the commanded one [m/s].

    The velocity is averaged over a gait period, and the first second does not count.

    Args:
        robot: Gives the control rate and the gait period.
        velocity: Of the base along the ground, one row a control step, (N, 2) [m/s].
        wanted: The commanded one, (N, 2) or (2,) [m/s].

    Returns:
        The error; NaN for a walk that ended before it counts.
    """
    window, skipped = gait_steps(robot), round(STARTING_S * robot.control_rate_hz)
    if len(velocity) < skipped + window:
        return math.nan
    wanted = np.broadcast_to(wanted, velocity.shape)[skipped + window - 1 :]
    error = smoothed(velocity[skipped:], window) - wanted
    return float(np.linalg.norm(error, axis=1).mean())
