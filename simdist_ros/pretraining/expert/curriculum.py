"""From level ground to slopes to bumps, each robot at its own pace."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simdist_ros.rl.step import StepResult
from simdist_ros.sim.batch.vector_env import VectorEnv

__all__ = ['Curriculum']

STEP = 0.1
GOOD_TRACKING = 0.8


class Curriculum:
    """Raises a robot's level after a good episode and lowers it after a fall."""

    def __init__(self, env: VectorEnv) -> None:
        self.env = env
        self.tracking: NDArray[np.float64] = np.zeros(env.num_robots)

    def after(self, result: StepResult) -> None:
        """Take a step into account; call before the robots that ended are reset."""
        self.tracking += result.tracking
        good = self.tracking / np.maximum(self.env.steps, 1) > GOOD_TRACKING
        change = np.where(result.truncated & good, STEP, 0.0) - STEP * result.terminated
        self.env.levels[:] = np.clip(self.env.levels + change, 0.0, 1.0)
        self.tracking[result.terminated | result.truncated | result.diverged] = 0.0
