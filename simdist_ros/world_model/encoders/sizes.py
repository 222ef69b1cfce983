"""Sizes of the parts of the encoder that see the surroundings, as ``model.yaml`` holds them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from simdist_ros.core.errors import ConfigError
from simdist_ros.core.settings import Settings, setting
from simdist_ros.embodiment.robot import Robot

__all__ = ['HeightMapSizes', 'ModalitySizes', 'RangesSizes', 'obs_dims', 'sizes_for']


@dataclass(frozen=True, kw_only=True)
class HeightMapSizes(Settings):
    """Sizes of the part that sees the height map."""

    extero_rows: int = setting(15, 'Cells of the height map along y; 0 without one.', low=0)
    extero_columns: int = setting(21, 'Cells of the height map along x; 0 without one.', low=0)
    extero_flip: bool = setting(
        True, 'Image starts at the front left cell; otherwise at the rear right one.'
    )
    conv_features: tuple[int, ...] = setting(
        (8, 16, 32), 'Channels after each convolution of the height map.', low=1
    )
    conv_kernel: int = setting(3, 'Size of the convolution kernels.', low=1)
    conv_stride: int = setting(2, 'Stride of the convolutions.', low=1)
    extero_hidden: tuple[int, ...] = setting(
        (192, 128), 'Widths of the MLP after the convolutions.', low=1
    )

    def __post_init__(self) -> None:
        """Check what concerns more than one size."""
        super().__post_init__()
        name = type(self).__name__
        if bool(self.extero_rows) != bool(self.extero_columns):
            raise ConfigError(
                f'{name}.extero_rows is {self.extero_rows} and extero_columns '
                f'{self.extero_columns}; without a height map both are 0'
            )
        if not self.conv_features:
            raise ConfigError(f'{name}.conv_features is empty; name at least one convolution')


@dataclass(frozen=True, kw_only=True)
class RangesSizes(Settings):
    """Sizes of the part that sees distances along rays."""

    num_ranges: int = setting(0, 'Rays along which distances are seen; 0 without them.', low=0)
    ranges_hidden: tuple[int, ...] = setting((64,), 'Widths of the MLP on distances.', low=1)


class ModalitySizes(HeightMapSizes, RangesSizes):
    """The sizes of all of them."""


def obs_dims(sizes: ModalitySizes) -> dict[str, int]:
    """Return how many numbers of the exteroceptive observation each sees, of those that it has.

    Their order is that of `Robot.modalities`; their names are those of the weights.
    """
    found = {
        'height_map': sizes.extero_rows * sizes.extero_columns,
        'ranges': sizes.num_ranges,
    }
    return {name: size for name, size in found.items() if size}


def sizes_for(robot: Robot) -> dict[str, Any]:
    """Return the sizes that a robot decides."""
    rows, columns = (0, 0) if robot.height_map is None else robot.height_map.shape
    return {
        'extero_rows': rows,
        'extero_columns': columns,
        'num_ranges': 0 if robot.ranges is None else robot.ranges.size,
    }
