"""A made-up walk as raw messages, in the types that bags give back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

from simdist_ros.embodiment.action_space import JointTarget
from simdist_ros.embodiment.robot import Robot
from simdist_ros.transitions.bags.recorded_topic import typestore

PERIOD_NS = 20_000_000
START_NS = 50_000_000_000
STORE = typestore()
TYPES = {
    'joint_states': 'sensor_msgs/msg/JointState',
    'imu/data': 'sensor_msgs/msg/Imu',
    'odom': 'nav_msgs/msg/Odometry',
    'height_map': 'sensor_msgs/msg/Image',
    'cmd_vel': 'geometry_msgs/msg/TwistStamped',
    'joint_command': 'trajectory_msgs/msg/JointTrajectory',
    'mode': 'std_msgs/msg/String',
    'supervisor/tick': 'diagnostic_msgs/msg/DiagnosticArray',
}


@dataclass
class Entry:
    """A message on its way."""

    topic: str
    message: Any
    step: int


def make(kind: str, **fields: Any) -> Any:
    return STORE.types[kind](**fields)


def header(stamp_ns: int) -> Any:
    time = make('builtin_interfaces/msg/Time', sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9)
    return make('std_msgs/msg/Header', stamp=time, frame_id='')


def vector(values: Any, kind: str = 'Vector3') -> Any:
    x, y, z = (float(value) for value in values)
    return make(f'geometry_msgs/msg/{kind}', x=x, y=y, z=z)


def joint_value(robot: Robot, step: int) -> np.ndarray:
    """Joint positions of a step [rad], all different."""
    return robot.per_joint('default') + 0.001 * step + 0.01 * np.arange(robot.num_joints)


def joint_state(robot: Robot, stamp_ns: int, step: int) -> Any:
    order = np.arange(robot.num_joints)[::-1]  # another order than the robot's
    return make(
        'sensor_msgs/msg/JointState',
        header=header(stamp_ns),
        name=[robot.joint_names[i] for i in order],
        position=joint_value(robot, step)[order],
        velocity=np.full(robot.num_joints, 0.5),
        effort=np.zeros(0),
    )


def imu(stamp_ns: int, tilt_rad: float = 0.0) -> Any:
    w, x = np.cos(tilt_rad / 2), np.sin(tilt_rad / 2)
    nine = np.zeros(9)
    return make(
        'sensor_msgs/msg/Imu',
        header=header(stamp_ns),
        orientation=make('geometry_msgs/msg/Quaternion', x=x, y=0.0, z=0.0, w=w),
        orientation_covariance=nine,
        angular_velocity=vector((0.0, 0.0, 0.1)),
        angular_velocity_covariance=nine,
        linear_acceleration=vector((0.0, 0.0, 0.0)),
        linear_acceleration_covariance=nine,
    )


def odometry(stamp_ns: int, x: float, vx: float = 0.5) -> Any:
    still = make('geometry_msgs/msg/Quaternion', x=0.0, y=0.0, z=0.0, w=1.0)
    pose = make(
        'geometry_msgs/msg/Pose', position=vector((x, 0.0, 0.3), 'Point'), orientation=still
    )
    twist = make('geometry_msgs/msg/Twist', linear=vector((vx, 0, 0)), angular=vector((0, 0, 0)))
    unknown = np.zeros(36)
    return make(
        'nav_msgs/msg/Odometry',
        header=header(stamp_ns),
        child_frame_id='base',
        pose=make('geometry_msgs/msg/PoseWithCovariance', pose=pose, covariance=unknown),
        twist=make('geometry_msgs/msg/TwistWithCovariance', twist=twist, covariance=unknown),
    )


def height_map(robot: Robot, stamp_ns: int, height: float) -> Any:
    grid = robot.height_map
    assert grid is not None
    cells = np.full(grid.size, height, dtype='<f4')
    return make(
        'sensor_msgs/msg/Image',
        header=header(stamp_ns),
        height=grid.rows,
        width=grid.columns,
        encoding='32FC1',
        is_bigendian=0,
        step=4 * grid.columns,
        data=np.frombuffer(cells.tobytes(), dtype=np.uint8),
    )


def velocity(stamp_ns: int, vx: float) -> Any:
    twist = make('geometry_msgs/msg/Twist', linear=vector((vx, 0, 0)), angular=vector((0, 0, 0)))
    return make('geometry_msgs/msg/TwistStamped', header=header(stamp_ns), twist=twist)


def joint_command(robot: Robot, stamp_ns: int, positions: Any) -> Any:
    zero = make('builtin_interfaces/msg/Duration', sec=0, nanosec=0)
    point = make(
        'trajectory_msgs/msg/JointTrajectoryPoint',
        positions=np.array(positions, dtype=np.float64),
        velocities=np.zeros(robot.num_joints),
        accelerations=np.zeros(0),
        effort=np.zeros(0),
        time_from_start=zero,
    )
    return make(
        'trajectory_msgs/msg/JointTrajectory',
        header=header(stamp_ns),
        joint_names=list(robot.joint_names),
        points=[point],
    )


def action_value(robot: Robot, step: int) -> np.ndarray:
    """Actions of a step, all different."""
    return 0.01 * step + 0.1 * np.arange(robot.num_joints)


def mode_tick(stamp_ns: int, mode: str) -> Any:
    pair = make('diagnostic_msgs/msg/KeyValue', key='mode', value=mode)
    status = make(
        'diagnostic_msgs/msg/DiagnosticStatus',
        level=0,
        name='supervisor',
        message='tick',
        hardware_id='',
        values=[pair],
    )
    return make('diagnostic_msgs/msg/DiagnosticArray', header=header(stamp_ns), status=[status])


def stamp_of(step: int) -> int:
    return START_NS + step * PERIOD_NS


def one_step(robot: Robot, step: int, mode: str = 'walk') -> list[Entry]:
    """Return the messages of one tick, in the order in which they usually come."""
    stamp = stamp_of(step)
    messages = {
        'joint_states': joint_state(robot, stamp, step),
        'imu/data': imu(stamp),
        'odom': odometry(stamp, 0.01 * step),
        'height_map': height_map(robot, stamp, 0.3 + 0.001 * step),
        'cmd_vel': velocity(stamp, 0.5),
        'joint_command': joint_command(
            robot, stamp, JointTarget(robot).to_joints(action_value(robot, step))
        ),
        'supervisor/tick': mode_tick(stamp, mode),
    }
    return [Entry(topic, message, step) for topic, message in messages.items()]


def walk(robot: Robot, steps: int, first: int = 0, mode: str = 'walk') -> list[Entry]:
    """Return the messages of steps + 1 ticks, so that there are that many transitions."""
    return [
        entry for step in range(first, first + steps + 1) for entry in one_step(robot, step, mode)
    ]


def write_bag(
    path: Path,
    entries: list[Entry],
    *,
    storage: StoragePlugin = StoragePlugin.MCAP,
    compression: CompressionMode | None = None,
    namespace: str = '/',
    robot: str = 'go2',
    others: Mapping[str, str] = MappingProxyType({}),
) -> Path:
    """Write a bag as other recorders do, the messages received in their order.

    `others` are the types of topics that are not as usual; a topic that begins with a slash
    belongs to no namespace.
    """
    writer = Writer(path, version=9, storage_plugin=storage)
    if compression is not None:
        writer.set_compression(compression, CompressionFormat.ZSTD)
    if robot:
        writer.set_custom_data('robot', robot)
    with writer:
        connections = {}
        for number, entry in enumerate(entries):
            kind = others.get(entry.topic) or TYPES[entry.topic]
            if entry.topic not in connections:
                before = '' if entry.topic.startswith('/') else namespace
                connections[entry.topic] = writer.add_connection(
                    before + entry.topic, kind, typestore=STORE
                )
            data = bytes(STORE.serialize_cdr(entry.message, kind))
            writer.write(connections[entry.topic], 1_700_000_000 * 10**9 + number, data)
    return path
