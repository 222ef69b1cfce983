"""How trials begin: far from the hole, above it, at its rim, or with the peg in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.embodiment.goal_frame import wanted_pose
from simdist_ros.embodiment.inverse_kinematics import joints_for
from simdist_ros.embodiment.kinematics import ToolChain

__all__ = ['STARTS', 'draw_starts', 'placed']

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Start:
    """Where the tip is in the frame of the hole, drawn uniformly.

    Attributes:
        aside_m: Largest distance from the axis along x and y.
        low_m: Smallest height over the rim.
        high_m: Largest.
        turn_rad: Largest angle about the axis, either way.
    """

    aside_m: float
    low_m: float
    high_m: float
    turn_rad: float


REACH, GRASPED, NEAR, INSIDE = 'reach', 'grasped', 'near', 'inside'
STARTS = {  # `reach` is the standing pose; a welded peg is grasped from the start
    GRASPED: Start(0.02, 0.03, 0.08, 0.1),
    NEAR: Start(0.01, 0.001, 0.03, 0.08),
    INSIDE: Start(1e-4, -1.0, 0.0, 0.005),  # less than the hole leaves room for; to its bottom
}


def placed(
    chain: ToolChain,
    standing: Array,
    commands: Array,
    start: Start,
    bottom_m: float,
    rng: np.random.Generator,
) -> Array:
    """Return joint angles with the tip where a start has it, (n, num_joints) [rad].

    Args:
        chain: To the tip of the peg.
        standing: Joint angles nearby, (n, num_joints) [rad].
        commands: Poses of the holes, (n, 4).
        start: Where.
        bottom_m: Greatest depth.
        rng: Randomness.
    """
    n = len(standing)
    at = np.empty((n, 3))
    at[:, :2] = rng.uniform(-1.0, 1.0, (n, 2)) * start.aside_m
    at[:, 2] = rng.uniform(max(start.low_m, -bottom_m), start.high_m, n)
    turn = rng.uniform(-1.0, 1.0, n) * start.turn_rad
    return joints_for(chain, standing, *wanted_pose(commands, at, turn))


def draw_starts(
    chain: ToolChain,
    standing: Array,
    commands: Array,
    shares: tuple[float, float],
    bottom_m: float,
    rng: np.random.Generator,
) -> Array:
    """Return joint angles, (n, num_joints) [rad], of which some stay as they are.

    Args:
        chain: To the tip of the peg.
        standing: Of those that begin far from the hole, (n, num_joints) [rad].
        commands: Poses of the holes, (n, 4).
        shares: Of those that begin at the rim, and in the hole.
        bottom_m: Greatest depth of a start.
        rng: Randomness.
    """
    which = rng.random(len(standing))
    inside = which >= 1.0 - shares[1]
    near = ~inside & (which >= 1.0 - sum(shares))
    poses = standing
    for name, chosen in ((NEAR, near), (INSIDE, inside)):
        there = placed(chain, standing, commands, STARTS[name], bottom_m, rng)
        poses = np.where(chosen[:, None], there, poses)
    return poses
