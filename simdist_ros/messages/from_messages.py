"""Arrays out of the robot's messages, whether a node received them or a bag gave them back.

Only the fields of the ROS types are relied on; joints are matched by name, never by index.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.core.errors import ConfigError
from simdist_ros.core.rotation import yaw
from simdist_ros.embodiment.command import JointCommand
from simdist_ros.embodiment.height_map import HeightMap
from simdist_ros.embodiment.robot import Robot
from simdist_ros.tasks.task import Task

__all__ = [
    'READERS',
    'height_map_from_msg',
    'imu_from_msg',
    'joint_command_from_msg',
    'joint_state_from_msg',
    'odometry_from_msg',
    'stamp_ns',
    'twist_array',
    'wanted_from_msg',
]

Array = NDArray[np.floating[Any]]

BASE_FRAME = 'base'


def stamp_ns(message: Any) -> int:
    """Return the header's stamp [ns]."""
    stamp = message.header.stamp
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)


def vector(message: Any) -> Array:
    """Return a Vector3 or a Point, (3,)."""
    return np.array([message.x, message.y, message.z])


def joint_state_from_msg(robot: Robot, message: Any) -> tuple[Array, Array]:
    """Return positions [rad] and velocities [rad/s] in the robot's order, (num_joints,) each.

    Raises:
        ConfigError: Names do not match the robot's, or values are missing.
    """
    order = robot.order(message.name)
    for what, values in (('positions', message.position), ('velocities', message.velocity)):
        if len(values) != len(order):
            raise ConfigError(f'joint_states has {len(values)} {what} for {len(order)} names')
    return np.array(message.position)[order], np.array(message.velocity)[order]


def imu_from_msg(message: Any) -> tuple[Array, Array]:
    """Return orientation w, x, y, z, (4,), and angular velocity, (3,) [rad/s]."""
    q = message.orientation
    return np.array([q.w, q.x, q.y, q.z]), vector(message.angular_velocity)


def odometry_from_msg(message: Any) -> tuple[Array, Array]:
    """Return the position, (3,) [m], and the velocity in the base frame (REP 105), (3,) [m/s]."""
    return vector(message.pose.pose.position), vector(message.twist.twist.linear)


def height_map_from_msg(grid: HeightMap, message: Any) -> Array:
    """Return height of the base above the ground per cell, (rows * columns,) [m], x fastest.

    Raises:
        ConfigError: The image has another size or encoding than the robot's grid.
    """
    size = (message.height, message.width)
    if message.encoding != '32FC1' or size != (grid.rows, grid.columns):
        raise ConfigError(
            f'height_map is {message.width} x {message.height} {message.encoding or "no encoding"}'
            f'; expected {grid.columns} x {grid.rows} 32FC1'
        )
    if len(message.data) != 4 * grid.size:
        raise ConfigError(f'height_map has {len(message.data)} bytes; expected {4 * grid.size}')
    order = '>f4' if message.is_bigendian else '<f4'
    return np.frombuffer(message.data, dtype=order).astype(np.float64)


def height_map_of(robot: Robot, message: Any) -> tuple[Array]:
    """Return the heights of a map of the robot's grid, as `height_map_from_msg` does."""
    assert robot.height_map is not None
    return (height_map_from_msg(robot.height_map, message),)


def ranges_of(robot: Robot, message: Any) -> tuple[Array]:
    """Return distances, (num_ranges,) [m]; a ray that met nothing, infinity, is the largest.

    Raises:
        ConfigError: There are more or fewer than the robot has rays.
    """
    assert robot.ranges is not None
    if len(message.ranges) != robot.ranges.size:
        raise ConfigError(f'scan has {len(message.ranges)} ranges; expected {robot.ranges.size}')
    return (robot.ranges.measured(np.array(message.ranges, dtype=float)),)


def wrench_from_msg(message: Any) -> Array:
    """Return force [N] and torque [N m] of a WrenchStamped, (6,)."""
    return np.concatenate([vector(message.wrench.force), vector(message.wrench.torque)])


# By sensor: the values of a message, in the order of what the sensor `measures`.
READERS: dict[str, Callable[[Robot, Any], tuple[Array, ...]]] = {
    'joints': joint_state_from_msg,
    'imu': lambda robot, message: imu_from_msg(message),
    'odom': lambda robot, message: odometry_from_msg(message)[1:],
    'height_map': height_map_of,
    'wrench': lambda robot, message: (wrench_from_msg(message),),
    'ranges': ranges_of,
}


def twist_array(message: Any) -> Array:
    """Return vx, vy [m/s] and yaw rate [rad/s] of a TwistStamped or a Twist, (3,)."""
    twist = getattr(message, 'twist', message)
    return np.array([twist.linear.x, twist.linear.y, twist.angular.z])


def place_array(message: Any) -> Array:
    """Return x, y, z [m] and yaw [rad] of a PoseStamped in the frame of the base, (4,).

    Raises:
        ConfigError: It is given in another frame.
    """
    frame = message.header.frame_id
    if frame not in ('', BASE_FRAME):
        raise ConfigError(f'goal is given in frame {frame!r}; expected {BASE_FRAME!r}')
    q = message.pose.orientation
    heading = yaw(np.array([getattr(q, name) for name in 'wxyz']))
    return np.append(vector(message.pose.position), heading)


WANTED = {
    'geometry_msgs/msg/TwistStamped': twist_array,
    'geometry_msgs/msg/PoseStamped': place_array,
}


def wanted_from_msg(task: Task, message: Any) -> Array:
    """Return the command in a message of a task's topic, (command_dim,).

    Raises:
        ConfigError: It does not fit the task.
    """
    return WANTED[task.message_type](message)[: task.goal.size]


def joint_command_from_msg(robot: Robot, message: Any) -> JointCommand:
    """Return the command of a one-point trajectory.

    Raises:
        ConfigError: Joint names or sizes do not match, or there is not exactly one point.
    """
    order = robot.order(message.joint_names)
    if len(message.points) != 1:
        raise ConfigError(f'joint_command has {len(message.points)} points; expected 1')
    positions = message.points[0].positions
    if not len(positions):
        return JointCommand(stamp_ns=stamp_ns(message), position=None)
    if len(positions) != len(order):
        raise ConfigError(f'joint_command has {len(positions)} positions for {len(order)} names')
    return JointCommand(stamp_ns=stamp_ns(message), position=np.array(positions)[order])
