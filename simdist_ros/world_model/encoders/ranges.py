"""The part of the encoder that sees distances along rays."""

from __future__ import annotations

from dataclasses import dataclass

from simdist_ros.core.settings import Settings, setting
from simdist_ros.embodiment.robot import Robot
from simdist_ros.world_model.layers import Mlp

__all__ = ['RangesEncoder', 'RangesSizes']


@dataclass(frozen=True, kw_only=True)
class RangesSizes(Settings):
    """Its sizes, as ``model.yaml`` holds them."""

    num_ranges: int = setting(0, 'Rays along which distances are seen; 0 without them.', low=0)
    ranges_hidden: tuple[int, ...] = setting((64,), 'Widths of the MLP on distances.', low=1)


class RangesEncoder(Mlp):
    """An MLP on scaled distances."""

    def __init__(self, sizes: RangesSizes, latent_dim: int) -> None:
        """Make the layers."""
        super().__init__(sizes.num_ranges, sizes.ranges_hidden, latent_dim)

    @staticmethod
    def obs_dim(sizes: RangesSizes) -> int:
        """Return how many numbers it sees."""
        return sizes.num_ranges

    @staticmethod
    def sizes_for(robot: Robot) -> dict[str, int]:
        """Return the sizes that a robot decides."""
        return {'num_ranges': 0 if robot.ranges is None else robot.ranges.size}
