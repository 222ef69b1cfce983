"""The clock that stamps measurements."""

from __future__ import annotations

from simdist_ros.sim.scenes.world import Sensors

__all__ = ['sensor_stamp']


def sensor_stamp(sensors: Sensors, time_ns: int) -> int:
    """Return what the sensors' clock shows at a true time, both in [ns]."""
    gained_ns = round(time_ns * sensors.clock_drift_ppm * 1e-6)
    return time_ns + gained_ns + round(sensors.clock_offset_s * 1e9)
