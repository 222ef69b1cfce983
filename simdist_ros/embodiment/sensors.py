"""What a robot measures: a table with one row for each sensor, its topic and what comes of it.

The assembler of states, nodes, bags, checks of readings and the stand-in read these rows, so that
a robot without a sensor is no special case anywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from simdist_ros.embodiment.robot import Robot

__all__ = ['BODY', 'MOTION', 'SENSORS', 'Sensor', 'measured', 'sensors_of']


@dataclass(frozen=True, kw_only=True)
class Sensor:
    """One source of measurements.

    Attributes:
        name: What the parts of a state are called by.
        topic: Relative to the robot's namespace.
        type: ROS type of its messages.
        measures: Fields of `RobotState` that a message of it fills, in the order of its values.
        is_on: Whether a robot has it.
        lacks: Why a robot does not have it, for an error message.
    """

    name: str
    topic: str
    type: str
    measures: tuple[str, ...]
    is_on: Callable[[Robot], bool]
    lacks: str = ''


ROWS = (
    Sensor(
        name='joints',
        topic='joint_states',
        type='sensor_msgs/msg/JointState',
        measures=('joint_pos', 'joint_vel'),
        is_on=lambda robot: True,
    ),
    Sensor(
        name='imu',
        topic='imu/data',
        type='sensor_msgs/msg/Imu',
        measures=('orientation', 'angular_velocity'),
        is_on=lambda robot: robot.has_free_base,
        lacks='its base is fixed',
    ),
    Sensor(
        name='odom',
        topic='odom',
        type='nav_msgs/msg/Odometry',
        measures=('linear_velocity',),
        is_on=lambda robot: robot.has_free_base,
        lacks='its base is fixed',
    ),
    Sensor(
        name='wrench',
        topic='force_torque_sensor_broadcaster/wrench',
        type='geometry_msgs/msg/WrenchStamped',
        measures=('wrench',),
        is_on=lambda robot: bool(robot.wrench),
        lacks='it names no wrench',
    ),
    Sensor(
        name='height_map',
        topic='height_map',
        type='sensor_msgs/msg/Image',
        measures=('height_map',),
        is_on=lambda robot: robot.height_map is not None,
        lacks='it has no height_map',
    ),
    Sensor(
        name='ranges',
        topic='scan',
        type='sensor_msgs/msg/LaserScan',
        measures=('ranges',),
        is_on=lambda robot: robot.ranges is not None,
        lacks='it has no ranges',
    ),
)
SENSORS = {sensor.name: sensor for sensor in ROWS}
BODY = ('joints', 'imu', 'odom')  # what says something of the body, not of its surroundings
MOTION = ('joints', 'imu', 'wrench')  # what the supervisor listens to, as far as a robot has it


def sensors_of(robot: Robot) -> tuple[str, ...]:
    """Return the names of a robot's sensors: what a whole state of it consists of."""
    return tuple(sensor.name for sensor in ROWS if sensor.is_on(robot))


def measured(robot: Robot) -> tuple[str, ...]:
    """Return the fields of `RobotState` that are known of a robot."""
    return tuple(field for name in sensors_of(robot) for field in SENSORS[name].measures)
