"""The part of the encoder that sees the ground."""

from __future__ import annotations

from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from simdist_ros.world_model.encoders.sizes import HeightMapSizes
from simdist_ros.world_model.layers import Mlp, gelu, learned

__all__ = ['HeightMapEncoder']


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
