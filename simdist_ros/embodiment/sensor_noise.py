"""How far measured numbers may be off in training."""

from __future__ import annotations

from dataclasses import dataclass

from simdist_ros.core.settings import Settings, setting

__all__ = ['SensorNoise']


@dataclass(frozen=True, kw_only=True)
class SensorNoise(Settings):
    """Largest error of each measured number, either way, drawn uniformly at each step."""

    base_lin_vel: float = setting(0.05, 'Linear velocity.', unit='m/s', low=0.0)
    base_ang_vel: float = setting(0.1, 'Angular velocity.', unit='rad/s', low=0.0)
    projected_gravity: float = setting(0.025, 'Direction of gravity.', low=0.0)
    joint_pos: float = setting(0.01, 'Joint positions.', unit='rad', low=0.0)
    joint_vel: float = setting(0.75, 'Joint velocities.', unit='rad/s', low=0.0)
    wrench: float = setting(0.0, 'Force and torque at the wrist.', unit='N, N m', low=0.0)
    height_map: float = setting(0.02, 'Cells of the height map.', unit='m', low=0.0)
    ranges: float = setting(0.02, 'Distances along the rays.', unit='m', low=0.0)
    missing: float = setting(0.02, 'Share of unknown cells of the height map.', low=0.0, high=0.5)
