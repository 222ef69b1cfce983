"""How episodes of a training begin: far from the hole, at its rim, or with the peg in it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.embodiment.goal_frame import wanted_pose
from simdist_ros.embodiment.inverse_kinematics import joints_for
from simdist_ros.embodiment.kinematics import ToolChain

__all__ = ['draw_starts']

Array = NDArray[np.floating[Any]]

NEAR_M, NEAR_HEIGHT_M, NEAR_RAD = 0.01, (0.001, 0.03), 0.08  # of the tip from the rim
INSIDE_M, INSIDE_RAD = 1e-4, 0.005  # less than the hole leaves room for


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
    n = len(standing)
    which = rng.random(n)
    inside = which >= 1.0 - shares[1]
    near = ~inside & (which >= 1.0 - sum(shares))
    spread = np.where(inside, INSIDE_M, NEAR_M)[:, None]
    at = np.empty((n, 3))
    at[:, :2] = rng.uniform(-1.0, 1.0, (n, 2)) * spread
    at[:, 2] = np.where(inside, rng.uniform(-bottom_m, 0.0, n), rng.uniform(*NEAR_HEIGHT_M, n))
    turn = rng.uniform(-1.0, 1.0, n) * np.where(inside, INSIDE_RAD, NEAR_RAD)
    place, rotation = wanted_pose(commands, at, turn)
    poses = joints_for(chain, standing, place, rotation)
    return np.where((near | inside)[:, None], poses, standing)
