"""From the true state to what the robot's sensors say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.core.rotation import into_body, perturb
from simdist_ros.embodiment.observation import RobotState
from simdist_ros.embodiment.robot import Robot
from simdist_ros.embodiment.sensors import measured
from simdist_ros.sim.clock import sensor_stamp
from simdist_ros.sim.coordinates import Coordinates
from simdist_ros.sim.scenes.world import Sensors

__all__ = ['MeasurementNoise', 'Snapshot', 'measure']

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True, kw_only=True)
class Snapshot(Coordinates):
    """The coordinates as the simulation has them.

    Attributes:
        world_velocity: Of the base origin in the world frame, (3,) [m/s].
        joint_reading: Of the encoders, without noise, (num_joints,) [rad].
        wrench: That acts on the tool, (6,) [N, N m]; nothing without its sensor.
        ranges: Distances along the robot's rays, (num_ranges,) [m].
    """

    world_velocity: Array
    joint_reading: Array
    wrench: Array
    ranges: Array


class MeasurementNoise:
    """Standard normal numbers for one measurement after another, the same for any reader.

    One set is drawn per control period, so that reading twice, or not at all, changes nothing.
    """

    def __init__(self, robot: Robot, sensors: Sensors, rng: np.random.Generator) -> None:
        """Draw the first set."""
        self.rng = rng
        self.measured = measured(robot)
        self.cells = 0 if robot.height_map is None else robot.height_map.size
        self.joints = robot.num_joints
        self.wrench_size = 6 if robot.wrench else 0
        self.num_ranges = 0 if robot.ranges is None else robot.ranges.size
        self.max_range_m = 0.0 if robot.ranges is None else robot.ranges.max_m
        self.missing = sensors.height_map_missing
        self.next()

    def next(self) -> None:
        """Draw the next set."""
        self.joint_pos = self.rng.standard_normal(self.joints)
        self.joint_vel = self.rng.standard_normal(self.joints)
        self.orientation, self.angular_velocity, self.linear_velocity = self.rng.standard_normal(
            (3, 3)
        )
        self.height_map = self.rng.standard_normal(self.cells)
        self.unknown = self.rng.uniform(size=self.cells) < self.missing
        self.wrench = self.rng.standard_normal(self.wrench_size)
        self.ranges = self.rng.standard_normal(self.num_ranges)


def measure(
    snapshot: Snapshot, height_map: Array | None, sensors: Sensors, noise: MeasurementNoise
) -> RobotState:
    """Return what the sensors say of a snapshot and of a true height map, (rows * columns,)."""
    if height_map is not None:
        height_map = height_map + sensors.height_map_noise_m * noise.height_map
        height_map[noise.unknown] = np.nan
    velocity = into_body(snapshot.orientation, snapshot.world_velocity)
    readings = {
        'joint_pos': snapshot.joint_reading + sensors.joint_pos_noise_rad * noise.joint_pos,
        'joint_vel': snapshot.joint_vel + sensors.joint_vel_noise_radps * noise.joint_vel,
        'orientation': perturb(
            snapshot.orientation, sensors.orientation_noise_rad * noise.orientation
        ),
        'angular_velocity': snapshot.angular_velocity
        + sensors.angular_velocity_noise_radps * noise.angular_velocity,
        'linear_velocity': velocity + sensors.linear_velocity_noise_mps * noise.linear_velocity,
        'height_map': height_map,
        'wrench': snapshot.wrench + sensors.wrench_noise * noise.wrench,
        'ranges': np.clip(
            snapshot.ranges + sensors.ranges_noise_m * noise.ranges, 0.0, noise.max_range_m
        ),
    }
    return RobotState(
        stamp_ns=sensor_stamp(sensors, snapshot.time_ns),
        **{name: readings[name] for name in noise.measured},
    )
