"""The height map: how high the base is above a grid of points of the ground around it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from simdist_ros.core.errors import ConfigError
from simdist_ros.core.settings import setting
from simdist_ros.embodiment.modality import Modality
from simdist_ros.embodiment.sensor_noise import SensorNoise

__all__ = ['HeightMap']

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True, kw_only=True)
class HeightMap(Modality):
    """The grid of ground heights around the base: x forward, y left, turned by yaw only."""

    name: ClassVar[str] = 'height_map'

    columns: int = setting(21, 'Cells along x (the Image width).', low=1)
    rows: int = setting(15, 'Cells along y (the Image height).', low=1)
    resolution_m: float = setting(0.1, 'Distance between cells.', unit='m', low=1e-3)
    first_x_m: float = setting(-0.5, 'x of column 0.', unit='m')
    first_y_m: float = setting(-0.7, 'y of row 0.', unit='m')
    offset_m: float = setting(0.3, 'Height of the base that the observation calls 0.', unit='m')
    clip_m: float = setting(2.0, 'Largest absolute observation.', unit='m', above=0.0)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.rows, self.columns

    @property
    def limit(self) -> float:
        """Largest absolute observation [m]."""
        return self.clip_m

    @cached_property
    def centre(self) -> int:
        """The cell below the base."""
        return int(np.argmin(np.linalg.norm(self.cells(), axis=1)))

    def cells(self) -> Array:
        """Return the x and y of each cell in the yaw frame, (rows * columns, 2) [m], x fastest."""
        x = self.first_x_m + self.resolution_m * np.arange(self.columns)
        y = self.first_y_m + self.resolution_m * np.arange(self.rows)
        grid_x, grid_y = np.meshgrid(x, y)
        return np.stack([grid_x.ravel(), grid_y.ravel()], axis=-1)

    def mirror(self, source: str) -> tuple[list[int], list[float]]:
        """Exchange the rows, which go along y."""
        if abs(self.first_y_m + 0.5 * (self.rows - 1) * self.resolution_m) > 1e-6:
            raise ConfigError(
                f'{source}: the height map is not as wide to the left as to the right, so that '
                'it has no mirror image; set first_y_m to minus half of its width'
            )
        index = np.arange(self.size).reshape(self.shape)[::-1].ravel()
        return index.tolist(), [1.0] * self.size

    def centred(self, readings: Array) -> Array:
        """Take the height of a standing robot away; positive where ground is low.

        An unknown cell takes the median of the known ones: level ground, neither wall nor hole.
        """
        heights: Array = readings - self.offset_m
        unknown = np.isnan(heights)
        if unknown.any():
            heights = np.where(unknown, np.nanmedian(heights, axis=-1, keepdims=True), heights)
        return heights

    def noisy(self, seen: Array, noise: SensorNoise, rng: np.random.Generator) -> Array:
        """Add errors, and hide some cells."""
        seen = super().noisy(seen, noise, rng)
        hidden = rng.random(seen.shape, dtype=np.float32) < noise.missing
        middle = np.broadcast_to(np.median(seen, axis=1, keepdims=True), seen.shape)
        seen[hidden] = middle[hidden]
        return seen
