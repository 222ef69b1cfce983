"""Where a hole may be, when a peg counts as inserted, and what inserting it is worth."""

from __future__ import annotations

from dataclasses import dataclass

from simdist_ros.core.errors import ConfigError
from simdist_ros.core.settings import Settings, setting
from simdist_ros.embodiment.goal_frame import GOAL_POSE

__all__ = ['PegSettings', 'PegWeights']


@dataclass(frozen=True, kw_only=True)
class PegSettings(Settings):
    """Where the hole may be and when the peg is in it, ``tasks: peg:`` of a robot."""

    low: tuple[float, ...] = setting(
        (), 'Smallest x, y, z [m] and yaw [rad] of the hole in the frame of the base.'
    )
    high: tuple[float, ...] = setting(
        (), 'Largest x, y, z [m] and yaw [rad] of the hole in the frame of the base.'
    )
    bottom_m: float = setting(0.028, 'Depth at which the peg is wanted.', unit='m', above=0.0)
    depth_m: float = setting(
        0.025, 'Depth from which on the peg counts as inserted.', unit='m', above=0.0
    )
    tilt_rad: float = setting(
        0.05, 'Largest tilt of a peg that counts as inserted.', unit='rad', above=0.0
    )
    aside_m: float = setting(
        0.0015,
        'Largest distance from the axis of the hole of a peg that counts as inserted.',
        unit='m',
        above=0.0,
    )
    space_m: float = setting(
        0.15,
        'How far beyond the places of holes the tip may go; farther the trial has failed.',
        unit='m',
        above=0.0,
    )
    near_share: float = setting(
        0.35, 'Share of episodes of a training that begin with the tip near the rim.', low=0.0
    )
    inside_share: float = setting(
        0.25, 'Share of episodes of a training that begin with the peg in the hole.', low=0.0
    )

    def __post_init__(self) -> None:
        """Check that the bounds belong together."""
        super().__post_init__()
        for name in ('low', 'high'):
            if len(getattr(self, name)) != len(GOAL_POSE):
                raise ConfigError(
                    f'{name} has {len(getattr(self, name))} numbers; give x, y, z and yaw'
                )
        if any(low > high for low, high in zip(self.low, self.high, strict=True)):
            raise ConfigError(f'low is {list(self.low)}, beyond high, {list(self.high)}')
        if not self.depth_m <= self.bottom_m:
            raise ConfigError(
                f'depth_m is {self.depth_m:g} m, deeper than bottom_m, {self.bottom_m:g} m, where '
                'the peg is wanted; it must not exceed that'
            )
        if not self.near_share + self.inside_share <= 1.0:
            raise ConfigError(
                f'near_share and inside_share are {self.near_share + self.inside_share:g} '
                'together, expected at most 1; lower one'
            )


@dataclass(frozen=True, kw_only=True)
class PegWeights(Settings):
    """Reward of one second; what is bad has a negative weight."""

    far: float = setting(0.2, 'Nearness of the peg to its place, felt from 0.5 m away.')
    near: float = setting(0.2, 'Nearness of the peg to its place, felt from 5 cm away.')
    there: float = setting(0.2, 'Nearness of the peg to its place, felt from 2 cm away.')
    engaged: float = setting(0.2, 'The tip is in the hole.')
    inserted: float = setting(0.4, 'The peg is inserted.')
    force: float = setting(-5e-5, 'Squared force at the wrist [1/N2].')
    action: float = setting(-1e-3, 'Squared action.')
    action_rate: float = setting(-1e-3, 'Squared change of the action.')
    joint_speed: float = setting(-2e-3, 'Squared joint velocity [s2/rad2].')
