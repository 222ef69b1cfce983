"""What many robots observe, and what a step of theirs gave."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ['Observation', 'StepResult']

F32 = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Observation:
    """What N robots observe, and what only their simulation knows; float32.

    Attributes:
        proprio_obs: With the sensors' noise, (N, proprio_obs_dim).
        extero_obs: With the sensors' noise, (N, extero_obs_dim).
        command: (N, command_dim).
        last_action: Of the step before the one that an answer acts in, (N, action_dim).
        true_proprio_obs: Without noise; the wrong zero of a joint is in it.
        true_extero_obs: Without noise.
        privileged: Body and ground as they are, (N, privileged_dim).
    """

    proprio_obs: F32
    extero_obs: F32
    command: F32
    last_action: F32
    true_proprio_obs: F32
    true_extero_obs: F32
    privileged: F32


@dataclass(frozen=True)
class StepResult:
    """What a step of N robots gave.

    Attributes:
        observation: After it, before any new start.
        reward: (N,).
        terminated: Who fell, (N,).
        truncated: Whose time was over, (N,).
        diverged: Whose physics failed, (N,); the step is worthless, the robot must start anew.
        tracking: How well the velocity was followed, 0 to 1, (N,).
        terms: Mean of each term of the reward.
    """

    observation: Observation
    reward: F32
    terminated: Mask
    truncated: Mask
    diverged: Mask
    tracking: F32
    terms: dict[str, float]
