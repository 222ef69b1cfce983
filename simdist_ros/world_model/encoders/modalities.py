"""The parts of the encoder that see the surroundings: a table with one row for each modality."""

from __future__ import annotations

from typing import Any

from simdist_ros.embodiment.robot import Robot
from simdist_ros.world_model.encoders.height_map import HeightMapEncoder, HeightMapSizes
from simdist_ros.world_model.encoders.ranges import RangesEncoder, RangesSizes

__all__ = ['ENCODERS', 'ModalitySizes', 'obs_dims', 'sizes_for']

# In the order of `Robot.modalities`; the names are those of the weights.
ENCODERS: dict[str, type[HeightMapEncoder] | type[RangesEncoder]] = {
    'height_map': HeightMapEncoder,
    'ranges': RangesEncoder,
}


class ModalitySizes(HeightMapSizes, RangesSizes):
    """The sizes of all of them."""


def obs_dims(sizes: ModalitySizes) -> dict[str, int]:
    """Return how many numbers of the exteroceptive observation each sees, of those that it has."""
    found = {name: encoder.obs_dim(sizes) for name, encoder in ENCODERS.items()}
    return {name: size for name, size in found.items() if size}


def sizes_for(robot: Robot) -> dict[str, Any]:
    """Return the sizes that a robot decides."""
    return {
        name: size
        for encoder in ENCODERS.values()
        for name, size in encoder.sizes_for(robot).items()
    }
