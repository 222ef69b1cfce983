"""The last steps of observations and actions, as the encoder wants them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ['History']

F32 = NDArray[np.float32]


class History:
    """Observations o_{t-H..t} and the actions a_{t-H..t-1} that were executed between them.

    Before H steps have been seen, the first observation stands for the missing ones, with the
    action 0 (the default pose).
    """

    def __init__(self, history_steps: int, proprio_obs_dim: int, action_dim: int) -> None:
        """Make an empty history of H = `history_steps` steps."""
        self.proprio_obs: F32 = np.zeros((history_steps + 1, proprio_obs_dim), dtype=np.float32)
        self.actions: F32 = np.zeros((history_steps, action_dim), dtype=np.float32)
        self.is_empty = True

    def reset(self) -> None:
        """Forget everything."""
        self.actions[:] = 0.0
        self.is_empty = True

    def start(self, proprio_obs: F32) -> None:
        """Begin with one observation, (proprio_obs_dim,)."""
        self.proprio_obs[:] = proprio_obs
        self.actions[:] = 0.0
        self.is_empty = False

    def append(self, action: F32, proprio_obs: F32) -> None:
        """Add what was executed since the last observation, (action_dim,), and what it led to."""
        if self.is_empty:
            self.start(proprio_obs)
            return
        self.proprio_obs[:-1] = self.proprio_obs[1:]
        self.actions[:-1] = self.actions[1:]
        self.proprio_obs[-1] = proprio_obs
        self.actions[-1] = action
