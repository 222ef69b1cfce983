"""Distances along rays that are fixed to a simulated robot."""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from simdist_ros.embodiment.robot import Robot

__all__ = ['RangeFinders', 'add_range_finders']

Array = NDArray[np.floating[Any]]

DISTANCE = [1, 0, 0]  # what it measures, for versions of MuJoCo that ask
NOTHING = -1.0  # what MuJoCo says of a ray that meets nothing


def add_range_finders(robot: Robot, spec: mujoco.MjSpec) -> None:
    """Add one sensor at each site of the robot's `ranges`; without any, nothing."""
    for site in () if robot.ranges is None else robot.ranges.sites:
        spec.add_sensor(
            name=f'range_{site}',
            type=mujoco.mjtSensor.mjSENS_RANGEFINDER,
            objtype=mujoco.mjtObj.mjOBJ_SITE,
            objname=site,
            intprm=DISTANCE,
        )


class RangeFinders:
    """Reads them out of the numbers of all sensors."""

    def __init__(self, model: mujoco.MjModel, robot: Robot) -> None:
        """Find where they stand."""
        self.ranges = robot.ranges
        sites = () if robot.ranges is None else robot.ranges.sites
        self.at = np.array([model.sensor(f'range_{site}').adr[0] for site in sites], dtype=int)

    def read(self, sensors: Array) -> Array:
        """Return distances, (..., num_ranges) [m], out of MuJoCo's numbers, (..., sensors)."""
        if self.ranges is None:
            return np.zeros((*sensors.shape[:-1], 0))
        return self.ranges.measured(sensors[..., self.at])

    def forget(self, sensors: Array) -> Array:
        """Return numbers of all sensors, (..., sensors), in which no ray has met anything yet."""
        sensors[..., self.at] = NOTHING
        return sensors
