"""Ranges: how far it is to the next surface along a few rays that are fixed to the robot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from simdist_ros.core.errors import ConfigError
from simdist_ros.core.settings import setting
from simdist_ros.embodiment.modality import Modality

__all__ = ['Ranges']

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True, kw_only=True)
class Ranges(Modality):
    """Distances along the z axes of sites of the MJCF."""

    name: ClassVar[str] = 'ranges'

    sites: tuple[str, ...] = setting((), 'Sites of the MJCF; each ray goes along the z axis.')
    mirrored: tuple[str, ...] = setting(
        (), 'The site that each becomes in the mirror image, in the same order; empty: itself.'
    )
    max_m: float = setting(
        2.0, 'Largest distance; also what a ray that meets nothing tells.', unit='m', above=0.0
    )

    def __post_init__(self) -> None:
        """Check what concerns more than one setting."""
        super().__post_init__()
        if not self.sites:
            raise ConfigError('Ranges.sites is empty; name at least one site')
        if self.mirrored and sorted(self.mirrored) != sorted(self.sites):
            raise ConfigError(
                f'Ranges.mirrored names {", ".join(self.mirrored)}; it must name each of sites, '
                f'{", ".join(self.sites)}, once'
            )

    @property
    def shape(self) -> tuple[int]:
        """The number of rays."""
        return (len(self.sites),)

    @property
    def limit(self) -> float:
        """Largest distance [m]."""
        return self.max_m

    def mirror(self, source: str) -> tuple[list[int], list[float]]:
        """Exchange the rays of the left and of the right."""
        index = [self.sites.index(site) for site in self.mirrored or self.sites]
        return index, [1.0] * self.size

    def measured(self, distances: Array) -> Array:
        """Return what the sensor tells of distances [m]; -1 stands for none."""
        nothing = (distances < 0.0) | (distances > self.max_m)
        told: Array = np.where(nothing, self.max_m, distances)
        return told
