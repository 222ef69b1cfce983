"""The part of the encoder that sees the ground."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from simdist_ros.core.errors import ConfigError
from simdist_ros.core.settings import Settings, setting
from simdist_ros.embodiment.robot import Robot
from simdist_ros.world_model.layers import Mlp, gelu, learned

__all__ = ['HeightMapEncoder', 'HeightMapSizes']


@dataclass(frozen=True, kw_only=True)
class HeightMapSizes(Settings):
    """Its sizes, as ``model.yaml`` holds them."""

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


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Return the zeros before and after an axis so that its output has ceil(size / stride).

    The odd one goes to the end, as XLA does it and torch's ``padding='same'`` doesn't.
    """
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


class HeightMapEncoder(nn.Module):
    """Convolutions over the height map, encodings of rows and columns, then an MLP."""

    def __init__(self, sizes: HeightMapSizes, latent_dim: int) -> None:
        """Make the convolutions and work out the padding of each from the size of the map."""
        super().__init__()
        a = sizes
        self.rows, self.columns, self.flip = a.extero_rows, a.extero_columns, a.extero_flip
        features = [1, *a.conv_features]
        self.convolutions = nn.ModuleList(
            nn.Conv2d(inputs, outputs, a.conv_kernel, a.conv_stride)
            for inputs, outputs in pairwise(features)
        )
        self.padding: list[tuple[int, ...]] = []
        size = (a.extero_columns, a.extero_rows)
        for _ in a.conv_features:
            height, width = (same_padding(n, a.conv_kernel, a.conv_stride) for n in size)
            self.padding.append((*width, *height))
            size = (-(-size[0] // a.conv_stride), -(-size[1] // a.conv_stride))
        self.row_encoding = learned(size[0], features[-1])
        self.column_encoding = learned(size[1], features[-1])
        self.mlp = Mlp(size[0] * size[1] * features[-1], a.extero_hidden, latent_dim)

    @staticmethod
    def obs_dim(sizes: HeightMapSizes) -> int:
        """Return how many numbers it sees."""
        return sizes.extero_rows * sizes.extero_columns

    @staticmethod
    def sizes_for(robot: Robot) -> dict[str, int]:
        """Return the sizes that a robot decides."""
        rows, columns = (0, 0) if robot.height_map is None else robot.height_map.shape
        return {'extero_rows': rows, 'extero_columns': columns}

    def forward(self, extero_obs: Tensor) -> Tensor:
        """Return features (..., latent_dim) of scaled height maps (..., rows * columns)."""
        x = self.image(extero_obs.reshape(-1, extero_obs.shape[-1])).unsqueeze(1)
        for index, (convolution, padding) in enumerate(
            zip(self.convolutions, self.padding, strict=True)
        ):
            x = convolution(F.pad(gelu(x) if index else x, padding))
        x = x.permute(0, 2, 3, 1)  # (N, height, width, features)
        x = x + self.row_encoding[:, None] + self.column_encoding
        out: Tensor = self.mlp(x.flatten(1))
        return out.view(*extero_obs.shape[:-1], -1)

    def image(self, flat: Tensor) -> Tensor:
        """Turn cells (N, rows * columns), x fastest, into images (N, columns, rows).

        An image row is a line of equal x. With `flip` the first row is the front and the first
        column is the left.
        """
        grid = flat.view(-1, self.rows, self.columns)
        if self.flip:
            grid = grid.flip(-1, -2)
        return grid.transpose(-1, -2)
