"""Joint angles that bring a tool to a pose, for many arms at once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.core.rotation import rotation_vector
from simdist_ros.embodiment.kinematics import ToolChain

__all__ = ['joints_for']

Array = NDArray[np.floating[Any]]

DAMPING = 1e-3  # [m], so that no joint races where the tool cannot go
STEPS = 12  # from a pose nearby, more than enough for a micrometre
LARGEST = 0.3  # [m, rad] of a step, beyond which the joints' motion is no line


def joints_for(chain: ToolChain, guess: Array, place: Array, rotation: Array) -> Array:
    """Return joint angles at which the tool has a pose, found from a guess nearby, (N, J) [rad].

    Args:
        chain: To the tool.
        guess: (N, J) [rad].
        place: Of the tool in the frame of the base, (N, 3) [m].
        rotation: Its axes as columns, (N, 3, 3).

    Source:
        Wampler 1986, damped least squares.
    """
    found = guess
    for _ in range(STEPS):
        at, axes, jacobian = chain.motion(found)
        turn = rotation_vector(rotation @ np.swapaxes(axes, -1, -2))
        motion = np.clip(np.concatenate([place - at, turn], axis=-1), -LARGEST, LARGEST)
        across = np.swapaxes(jacobian, -1, -2)
        square = jacobian @ across + DAMPING**2 * np.eye(6)
        found = found + (across @ np.linalg.solve(square, motion[..., None]))[..., 0]
    return found
