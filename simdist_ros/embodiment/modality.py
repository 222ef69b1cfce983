"""What a robot sees of its surroundings: modalities, each with shape, unit, noise and mirror.

The exteroceptive observation is made of them as the proprioceptive one is of its terms. The live
planner (one state), bags, training on many robots, sensor noise and the mirror image go through
`observed`, so that no reader of an observation knows what kind of modality it comes of.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from simdist_ros.core.settings import Settings
from simdist_ros.embodiment.sensor_noise import SensorNoise

__all__ = ['Modality']

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True, kw_only=True)
class Modality(Settings, ABC):
    """One kind of reading of the surroundings, as a robot's description sizes it.

    Attributes:
        name: Of the sensor, of the field of `RobotState`, of the setting of `SensorNoise` that
            limits its error, and of its part of the encoder.
        unit: Of its numbers.
    """

    name: ClassVar[str]
    unit: ClassVar[str] = 'm'

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """Its axes; a reading is flat, the last axis fastest."""

    @property
    @abstractmethod
    def limit(self) -> float:
        """Largest absolute number of its observation."""

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return int(np.prod(self.shape))

    @abstractmethod
    def mirror(self, source: str) -> tuple[list[int], list[float]]:
        """Return which number each is in the mirror image, and its sign.

        Args:
            source: Of the description, for the error message.

        Raises:
            ConfigError: It has no mirror image.
        """

    def centred(self, readings: Array) -> Array:
        """Return readings, (..., size), as numbers about 0 in which nothing is unknown."""
        return readings

    def noisy(self, seen: Array, noise: SensorNoise, rng: np.random.Generator) -> Array:
        """Add the errors of a sensor to what `centred` gave, (N, size)."""
        most: float = getattr(noise, self.name)
        erring: Array = seen + most * (2.0 * rng.random(seen.shape, np.float32) - 1.0)
        return erring

    def observed(
        self,
        readings: Array,
        noise: SensorNoise | None = None,
        rng: np.random.Generator | None = None,
    ) -> NDArray[np.float32]:
        """Return the observation of readings, (..., size); with errors where an `rng` is given."""
        seen = self.centred(readings)
        if noise is not None and rng is not None:
            seen = self.noisy(seen, noise, rng)
        clipped: NDArray[np.float32] = np.clip(seen, -self.limit, self.limit).astype(np.float32)
        return clipped
