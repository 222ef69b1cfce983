"""The part of the encoder that sees distances along rays."""

from __future__ import annotations

from simdist_ros.world_model.encoders.sizes import RangesSizes
from simdist_ros.world_model.layers import Mlp

__all__ = ['RangesEncoder']


class RangesEncoder(Mlp):
    """An MLP on scaled distances."""

    def __init__(self, sizes: RangesSizes, latent_dim: int) -> None:
        """Make the layers."""
        super().__init__(sizes.num_ranges, sizes.ranges_hidden, latent_dim)
