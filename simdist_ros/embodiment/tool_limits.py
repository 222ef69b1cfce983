"""How hard, how fast and where the tool of an arm may work."""

from __future__ import annotations

from dataclasses import dataclass

from simdist_ros.core.errors import ConfigError
from simdist_ros.core.settings import Settings, setting

__all__ = ['ToolLimits']


@dataclass(frozen=True, kw_only=True)
class ToolLimits(Settings):
    """What an arm stops at, see `simdist_ros.safety.tool_guard`."""

    max_force_n: float = setting(
        100.0,
        'Force at the wrist at which an arm stops, and the largest that its sensor tells.',
        unit='N',
        above=0.0,
    )
    max_torque_nm: float = setting(
        10.0,
        'Torque at the wrist at which an arm stops, and the largest that its sensor tells.',
        unit='N m',
        above=0.0,
    )
    max_speed_mps: float = setting(
        1.0, 'Speed of the tool at which an arm stops.', unit='m/s', above=0.0
    )
    low: tuple[float, ...] = setting(
        (),
        'Smallest x, y, z of the tool in the frame of the base; an arm stops beyond. Empty: no '
        'limit.',
        unit='m',
    )
    high: tuple[float, ...] = setting((), 'Largest x, y, z of the tool, likewise.', unit='m')

    def __post_init__(self) -> None:
        """Check that the corners belong together."""
        super().__post_init__()
        if len(self.low) != len(self.high) or len(self.low) not in (0, 3):
            raise ConfigError(
                f'tool_limits: low has {len(self.low)} numbers and high {len(self.high)}; give '
                'x, y, z in both, or neither'
            )
        if any(low >= high for low, high in zip(self.low, self.high, strict=True)):
            raise ConfigError(
                f'tool_limits: low is {list(self.low)}, expected below high, {list(self.high)}'
            )
