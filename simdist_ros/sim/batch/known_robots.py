"""A batch of robots about which something is believed, instead of those that are drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.embodiment.belief import BeliefSpace

__all__ = ['KnownRobots']

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True, kw_only=True)
class KnownRobots:
    """Robots like one that a belief describes, and healthy ones between them.

    All else, such as the friction of the ground, is drawn as ever.

    Attributes:
        space: What the numbers of the belief mean.
        belief: About the robot, (space.size,); or about each robot of the batch, (N, space.size).
        healthy_every: Of so many robots the last is healthy; 0: none is.
        scale: By how much all of the belief may be too small or too large, as a factor.
        noise: Standard deviation of what each number may be wrong by.
        ignores: Numbers smaller than this that are about no joint are 0 in the robots: a foot is
            either slippery or has the friction of the ground.
    """

    space: BeliefSpace
    belief: Array
    healthy_every: int = 0
    scale: tuple[float, float] = (1.0, 1.0)
    noise: float = 0.0
    ignores: float = 0.0

    @property
    def most_lag_steps(self) -> int:
        """Control steps by which the commands of no robot are later."""
        beliefs = np.atleast_2d(self.belief).max(axis=0, keepdims=True)
        most = np.maximum(beliefs, 0.0) * self.scale[1] + 6.0 * self.noise
        return int(self.space.parameters(most)['lag_steps'][0, 0])

    def is_healthy(self, index: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Tell which robots, by their numbers, (n,), are as described."""
        every = self.healthy_every
        if not every:
            return np.zeros(len(index), dtype=bool)
        healthy: NDArray[np.bool_] = index % every == every - 1
        return healthy

    def draw(self, index: NDArray[np.intp], rng: np.random.Generator) -> dict[str, Array]:
        """Draw robots, by their numbers, (n,): what `draw_faults` would, (n, its size) each."""
        beliefs = np.atleast_2d(self.belief)
        beliefs = beliefs[index % len(beliefs)]
        near = beliefs * rng.uniform(*self.scale, (len(index), 1))
        near = near + rng.normal(0.0, self.noise, near.shape)
        near[(np.abs(beliefs) < self.ignores) & ~self.space.is_of_joint] = 0.0
        near[self.is_healthy(index)] = 0.0
        return self.space.parameters(near)
