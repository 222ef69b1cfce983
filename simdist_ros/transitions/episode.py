"""What a transition is: one schema for simulated data and for what a robot recorded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.core.errors import ConfigError

__all__ = ['SCHEMA_VERSION', 'Episode']

Array = NDArray[np.floating[Any]]

SCHEMA_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Episode:
    """Successive transitions without a gap, N of them; raw units, float32 throughout.

    Attributes:
        proprio_obs: o_0..o_N, (N + 1, proprio_obs_dim).
        extero_obs: What is seen of the surroundings with them, (N + 1, extero_obs_dim).
        actions: a_0..a_{N-1} as executed, (N, action_dim).
        commands: c_0..c_N, (N + 1, command_dim).
        rewards: Of each step, (N,); None where they are unknown, as on a robot.
        next_values: Expert critic's value of the state that each step led to, (N,), or None.
        is_expert: Whether the expert chose the action, without noise, (N,), or None.
        expert_actions: What the expert would have done, (N, action_dim), or None.
        terminated: Whether it ended in a fall.
    """

    proprio_obs: Array
    extero_obs: Array
    actions: Array
    commands: Array
    rewards: Array | None = None
    next_values: Array | None = None
    is_expert: NDArray[np.bool_] | None = None
    expert_actions: Array | None = None
    terminated: bool = False

    def __post_init__(self) -> None:
        """Check that the arrays are of one episode.

        Raises:
            ConfigError: Their lengths do not belong together.
        """
        steps = len(self.actions)
        lengths = {
            'proprio_obs': steps + 1,
            'extero_obs': steps + 1,
            'commands': steps + 1,
            'rewards': steps,
            'next_values': steps,
            'is_expert': steps,
            'expert_actions': steps,
        }
        for name, length in lengths.items():
            array = getattr(self, name)
            if array is not None and len(array) != length:
                raise ConfigError(
                    f'episode of {steps} actions has {len(array)} {name}; expected {length}'
                )

    @property
    def num_steps(self) -> int:
        """Number of transitions, N."""
        return len(self.actions)
