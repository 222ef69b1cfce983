"""Patches of the ground with a friction of their own: squares, drawn for each episode."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.sim.scenes.world import World

__all__ = ['Patches']

Array = NDArray[np.floating[Any]]

SQUARES = 64  # along each side of the pattern, which then repeats


class Patches:
    """Which squares of the ground are patches; the pattern turns with the start, as the ground."""

    def __init__(self, world: World, heading_rad: float, rng: np.random.Generator) -> None:
        """Draw the pattern."""
        self.size_m, self.start_m = world.patch_size_m, world.level_start_m
        cos, sin = np.cos(heading_rad), np.sin(heading_rad)
        self.turned = np.array([[cos, -sin], [sin, cos]])  # from the ground's frame to the world
        self.pattern = rng.random((SQUARES, SQUARES)) < world.patch_share

    def contain(self, places: Array) -> NDArray[np.bool_]:
        """Tell which places, (..., 2) x and y [m], lie on a patch; none does near the origin."""
        own = places @ self.turned
        square = np.floor(own / self.size_m).astype(np.intp) % SQUARES
        beyond = np.linalg.norm(own, axis=-1) > self.start_m
        inside: NDArray[np.bool_] = self.pattern[square[..., 0], square[..., 1]] & beyond
        return inside

    def near(self, place: Array, reach_m: float) -> Array:
        """Return the centres of the patches around a place, (P, 2) [m], for a picture."""
        squares = np.arange(-np.ceil(reach_m / self.size_m), np.ceil(reach_m / self.size_m) + 1)
        first = np.floor((place @ self.turned) / self.size_m) + 0.5
        x, y = np.meshgrid(squares + first[0], squares + first[1])
        centres = self.size_m * np.stack([x.ravel(), y.ravel()], axis=1) @ self.turned.T
        return np.asarray(centres[self.contain(centres)])
