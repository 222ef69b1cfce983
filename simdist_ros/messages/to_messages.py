"""Between ROS messages and arrays; joints are matched by name, never by index."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from builtin_interfaces.msg import Duration, Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from geometry_msgs.msg import PoseStamped, Quaternion, TwistStamped, Vector3, WrenchStamped
from nav_msgs.msg import Odometry
from numpy.typing import NDArray
from sensor_msgs.msg import Image, Imu, JointState, LaserScan
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.command import JointCommand
from simdist_ros.embodiment.height_map import HeightMap
from simdist_ros.embodiment.observation import RobotState
from simdist_ros.embodiment.robot import Robot
from simdist_ros.messages.from_messages import (
    BASE_FRAME,
    height_map_from_msg,
    imu_from_msg,
    joint_command_from_msg,
    joint_state_from_msg,
    stamp_ns,
    twist_array,
)
from simdist_ros.tasks.task import Task

__all__ = [
    'command_to_msg',
    'diagnostics',
    'duration_ns',
    'height_map_from_msg',
    'height_map_to_msg',
    'imu_from_msg',
    'imu_to_msg',
    'joint_command_from_msg',
    'joint_command_to_msg',
    'joint_state_from_msg',
    'joint_state_to_msg',
    'odometry_to_msg',
    'plan_to_msg',
    'planned_positions',
    'ranges_to_msg',
    'stamp_ns',
    'time_msg',
    'twist_array',
    'wanted_to_msg',
]

Array = NDArray[np.floating[Any]]

WORLD_FRAME = 'odom'
HEIGHT_MAP_FRAME = 'base_yaw'  # at the base, turned by its yaw only


def time_msg(stamp: int) -> Time:
    """Return a stamp [ns] as a message."""
    return Time(sec=stamp // 1_000_000_000, nanosec=stamp % 1_000_000_000)


def duration_msg(duration: int) -> Duration:
    """Return a duration [ns] as a message."""
    return Duration(sec=duration // 1_000_000_000, nanosec=duration % 1_000_000_000)


def duration_ns(message: Duration) -> int:
    """Return a duration [ns]."""
    return int(message.sec) * 1_000_000_000 + int(message.nanosec)


def vector_msg(values: Array) -> Vector3:
    """Return three numbers as a vector."""
    return Vector3(x=float(values[0]), y=float(values[1]), z=float(values[2]))


def quaternion_msg(values: Array) -> Quaternion:
    """Return w, x, y, z as a message."""
    w, x, y, z = (float(value) for value in values)
    return Quaternion(w=w, x=x, y=y, z=z)


def joint_state_to_msg(robot: Robot, state: RobotState, torque: Array | None = None) -> JointState:
    """Return joint positions [rad], velocities [rad/s] and, if known, torques as effort [N m]."""
    message = JointState(name=list(robot.joint_names))
    message.header.stamp = time_msg(state.stamp_ns)
    message.position = state.joint_pos.tolist()
    message.velocity = state.joint_vel.tolist()
    if torque is not None:
        message.effort = torque.tolist()
    return message


def imu_to_msg(state: RobotState) -> Imu:
    """Return orientation and angular velocity; the acceleration is marked as not measured."""
    message = Imu()
    message.header.stamp = time_msg(state.stamp_ns)
    message.header.frame_id = BASE_FRAME
    message.orientation = quaternion_msg(state.orientation)
    message.angular_velocity = vector_msg(state.angular_velocity)
    message.linear_acceleration_covariance[0] = -1.0  # REP 145: no estimate
    return message


def odometry_to_msg(
    stamp: int, position: Array, orientation: Array, linear: Array, angular: Array
) -> Odometry:
    """Return pose in the world and twist in the base frame, as REP 105 has it."""
    message = Odometry(child_frame_id=BASE_FRAME)
    message.header.stamp = time_msg(stamp)
    message.header.frame_id = WORLD_FRAME
    pose, twist = message.pose.pose, message.twist.twist
    pose.position.x, pose.position.y, pose.position.z = (float(value) for value in position)
    pose.orientation = quaternion_msg(orientation)
    twist.linear, twist.angular = vector_msg(linear), vector_msg(angular)
    return message


def height_map_to_msg(grid: HeightMap | None, state: RobotState) -> Image:
    """Return height of the base above the ground per cell [m] as 32FC1; NaN is unknown."""
    assert grid is not None
    assert state.height_map is not None
    message = Image(height=grid.rows, width=grid.columns, encoding='32FC1', step=4 * grid.columns)
    message.header.stamp = time_msg(state.stamp_ns)
    message.header.frame_id = HEIGHT_MAP_FRAME
    message.data = state.height_map.astype('<f4').tobytes()
    return message


def ranges_to_msg(robot: Robot, state: RobotState) -> LaserScan:
    """Return distances in the order of the robot's rays, whose directions its MJCF has."""
    assert robot.ranges is not None
    assert state.ranges is not None
    message = LaserScan(range_max=robot.ranges.max_m)
    message.header.stamp = time_msg(state.stamp_ns)
    message.header.frame_id = BASE_FRAME
    message.ranges = state.ranges.tolist()
    return message


def command_to_msg(stamp: int, command: Array) -> TwistStamped:
    """Return vx, vy [m/s] and yaw rate [rad/s] as a stamped twist in the base frame."""
    message = TwistStamped()
    message.header.stamp = time_msg(stamp)
    message.header.frame_id = BASE_FRAME
    message.twist.linear.x, message.twist.linear.y = float(command[0]), float(command[1])
    message.twist.angular.z = float(command[2])
    return message


def wrench_to_msg(robot: Robot, state: RobotState) -> WrenchStamped:
    """Return force and torque on the tool in the frame of their sensor."""
    message = WrenchStamped()
    message.header.stamp = time_msg(state.stamp_ns)
    message.header.frame_id = robot.wrench
    message.wrench.force = vector_msg(state.wrench[:3])
    message.wrench.torque = vector_msg(state.wrench[3:])
    return message


def place_to_msg(stamp: int, command: Array) -> PoseStamped:
    """Return x, y, z [m] and, if given, yaw [rad] as a stamped pose in the frame of the base."""
    message = PoseStamped()
    message.header.stamp = time_msg(stamp)
    message.header.frame_id = BASE_FRAME
    place = message.pose.position
    place.x, place.y, place.z = (float(value) for value in command[:3])
    half = 0.5 * float(command[3]) if len(command) > 3 else 0.0
    message.pose.orientation = quaternion_msg(np.array([math.cos(half), 0.0, 0.0, math.sin(half)]))
    return message


WANTED: dict[str, Callable[[int, Array], Any]] = {
    'geometry_msgs/msg/TwistStamped': command_to_msg,
    'geometry_msgs/msg/PoseStamped': place_to_msg,
}


def wanted_to_msg(task: Task, stamp: int, command: Array) -> Any:
    """Return a command, (command_dim,), as a message of a task's topic."""
    return WANTED[task.message_type](stamp, command)


def joint_command_to_msg(robot: Robot, command: JointCommand) -> JointTrajectory:
    """Return one point for now; a point without positions asks for damping only."""
    point = JointTrajectoryPoint(velocities=[0.0] * robot.num_joints)
    if command.position is not None:
        point.positions = command.position.tolist()
    message = JointTrajectory(joint_names=list(robot.joint_names), points=[point])
    message.header.stamp = time_msg(command.stamp_ns)
    return message


def plan_to_msg(robot: Robot, stamp: int, delay_steps: int, positions: Array) -> JointTrajectory:
    """Return planned joint targets (steps, num_joints) [rad] as a trajectory.

    The header has the stamp of the observation it answers; no points mean that there is no plan
    for that observation.
    """
    message = JointTrajectory(joint_names=list(robot.joint_names))
    message.header.stamp = time_msg(stamp)
    message.points = [
        JointTrajectoryPoint(
            positions=target, time_from_start=duration_msg((delay_steps + index) * robot.period_ns)
        )
        for index, target in enumerate(positions.tolist())
    ]
    return message


def planned_positions(robot: Robot, message: JointTrajectory) -> Array:
    """Return a plan's joint targets in the robot's order, (steps, num_joints) [rad].

    Raises:
        ConfigError: Joint names or sizes do not match.
    """
    order = robot.order(message.joint_names)
    sizes = {len(point.positions) for point in message.points}
    if sizes - {len(order)}:
        raise ConfigError(f'plan has points of {sorted(sizes)} positions; expected {len(order)}')
    targets = np.array([point.positions for point in message.points], dtype=np.float64)
    return targets.reshape(-1, len(order))[:, order]


def diagnostics(
    stamp: Time,
    name: str,
    summary: str,
    values: dict[str, Any],
    level: bytes = DiagnosticStatus.OK,
) -> DiagnosticArray:
    """Return one status with its key-value pairs."""
    status = DiagnosticStatus(level=level, name=name, hardware_id='', message=summary)
    status.values = [KeyValue(key=key, value=text(value)) for key, value in values.items()]
    message = DiagnosticArray(status=[status])
    message.header.stamp = stamp
    return message


def text(value: Any) -> str:
    """Write floats short, all else as it is."""
    return f'{value:.6g}' if isinstance(value, float) else str(value)
