"""What the supervisor can be told; what belongs to the robot is in its description."""

from __future__ import annotations

from dataclasses import dataclass

from simdist_ros.core.errors import ConfigError
from simdist_ros.core.settings import Settings, setting

__all__ = ['SafetySettings']


@dataclass(frozen=True, kw_only=True)
class SafetySettings(Settings):
    """When to stop trusting a plan or a state, and how far a joint may be driven."""

    stale_plan_s: float = setting(
        0.05,
        'A plan whose first step is older than this is not followed any more; until then its '
        'later steps are. Half-way between two ticks, so that jitter does not decide.',
        unit='s',
        low=0.0,
        high=1.0,
    )
    settle_s: float = setting(
        0.5,
        'After a stale plan, the robot stands until none was stale for this long: a planner that '
        'is too slow must not make it stumble from standing to moving and back.',
        unit='s',
        low=0.0,
    )
    stale_state_s: float = setting(
        0.1, 'Without a usable state for this long, the joints are damped.', unit='s', low=1e-3
    )
    stand_ramp_s: float = setting(
        1.5, 'Time to stand up from where the joints are.', unit='s', low=1e-3
    )
    fallback_ramp_s: float = setting(
        0.02,
        'Time to the stop pose when plans are no longer followed, wanted or not; a slow stop '
        'makes a Go2 fall.',
        unit='s',
        low=1e-3,
    )
    stand_tolerance_rad: float = setting(
        0.4,
        'Farthest any joint may be from the stand pose for the robot to count as standing; '
        'includes the sag under its weight.',
        unit='rad',
        low=1e-3,
    )
    position_margin_rad: float = setting(
        0.0, 'Distance that targets keep from the position limits.', unit='rad', low=0.0
    )
    max_rate_scale: float = setting(
        1.0, "Share of the joints' rate limits that targets may use.", low=1e-3, high=1.0
    )
    torque_scale: float = setting(
        1.0, "Share of the joints' torque limits that targets may ask for.", low=1e-3, high=1.0
    )

    def __post_init__(self) -> None:
        """Check that a late plan leads to standing before a late state leads to damping."""
        super().__post_init__()
        if self.stale_plan_s > self.stale_state_s:
            raise ConfigError(
                f'SafetySettings.stale_plan_s is {self.stale_plan_s} s; it must not exceed '
                f'stale_state_s, {self.stale_state_s} s'
            )
