"""What a step of simulated robots led to: all that a reward may look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ['Scoring', 'Step']

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True, kw_only=True)
class Scoring:
    """What decides the reward of a step.

    Attributes:
        rewards: Weights and tolerances, of the class that the task names.
        feet: By the name of their geoms; empty for a robot without.
    """

    rewards: Any
    feet: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """What a step of N robots with J joints and F feet led to.

    Attributes:
        stamp_ns: Robot time after it, (N,) [ns].
        command: That the step answered, (N, command_dim).
        linear_velocity: Of the base in its frame, (N, 3) [m/s].
        angular_velocity: Of the base in its frame, (N, 3) [rad/s].
        normal: Of the ground in the base frame, (N, 3).
        base_height: Over the ground around, (N,) [m].
        joint_offset: From the default pose, (N, J) [rad].
        joint_vel: (N, J) [rad/s].
        torque: (N, J) [N m].
        action: (N, J).
        last_action: Of the step before, (N, J).
        foot_contact: Whether each foot presses on the ground, (N, F).
        foot_height: Of its lowest point over the ground, (N, F) [m].
        foot_speed: Along the ground, (N, F) [m/s].
        wrench: That acts on the tool, (N, 6) [N, N m]; none of a robot without its sensor.
    """

    stamp_ns: NDArray[np.int64]
    command: Array
    linear_velocity: Array
    angular_velocity: Array
    normal: Array
    base_height: Array
    joint_offset: Array
    joint_vel: Array
    torque: Array
    action: Array
    last_action: Array
    foot_contact: NDArray[np.bool_]
    foot_height: Array
    foot_speed: Array
    wrench: Array = field(default_factory=lambda: np.zeros((1, 0)))
