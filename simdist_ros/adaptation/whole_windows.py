"""Windows of episodes that are pieces of longer walks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simdist_ros.transitions.training_windows import HasShards, WindowSampler
from simdist_ros.world_model.architecture import Architecture

__all__ = ['windows_of']


def windows_of(
    episodes: HasShards, chosen: NDArray[np.int64], architecture: Architecture
) -> WindowSampler:
    """Return the windows of some episodes, those with a whole history."""
    return WindowSampler(
        episodes,
        chosen,
        history_steps=architecture.history_steps,
        horizon_steps=architecture.horizon_steps,
        whole_history=True,
    )
