"""Bags of a run that was made up, so that every figure of its report can be worked out by hand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from simdist_ros.embodiment.robot import Robot
from simdist_ros.transitions.bags.recorded_topic import Topic, typestore
from simdist_ros.transitions.bags.writer import BagWriter

PERIOD_NS = 20_000_000
START_NS = 50_000_000_000
UPRIGHT = (1.0, 0.0, 0.0, 0.0)
ON_ITS_SIDE = (np.sqrt(0.5), np.sqrt(0.5), 0.0, 0.0)

TYPES = {
    'joint_states': 'sensor_msgs/msg/JointState',
    'odom': 'nav_msgs/msg/Odometry',
    'ground_truth/odom': 'nav_msgs/msg/Odometry',
    'height_map': 'sensor_msgs/msg/Image',
    'cmd_vel': 'geometry_msgs/msg/TwistStamped',
    'planner/tick': 'diagnostic_msgs/msg/DiagnosticArray',
    'supervisor/tick': 'diagnostic_msgs/msg/DiagnosticArray',
}


class MadeUpRun:
    """Puts messages into a bag as if they had been received at half the speed of the robot."""

    def __init__(self, folder: Path, robot: Robot) -> None:
        self.robot, self.store = robot, typestore()
        topics = [Topic(name=f'/{name}', type=kind) for name, kind in TYPES.items()]
        self.writer = BagWriter(folder, topics, {'robot': robot.name})

    def make(self, kind: str, **fields: Any) -> Any:
        """Make a message of a type."""
        return self.store.types[kind](**fields)

    def header(self, stamp_ns: int) -> Any:
        time = self.make(
            'builtin_interfaces/msg/Time', sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9
        )
        return self.make('std_msgs/msg/Header', stamp=time, frame_id='')

    def vector(self, values: Any, kind: str = 'Vector3') -> Any:
        x, y, z = (float(value) for value in values)
        return self.make(f'geometry_msgs/msg/{kind}', x=x, y=y, z=z)

    def put(self, topic: str, stamp_ns: int, **fields: Any) -> None:
        """Record a message with a header, received twice as late after the start as it says."""
        message = self.make(TYPES[topic], header=self.header(stamp_ns), **fields)
        data = bytes(self.store.serialize_cdr(message, TYPES[topic]))
        received_ns = START_NS + 2 * (stamp_ns - START_NS)
        assert self.writer.put(f'/{topic}', received_ns, data)

    def joints(
        self, stamp_ns: int, names: Any = None, position: Any = None, effort: Any = None
    ) -> None:
        names = list(self.robot.joint_names) if names is None else names
        position = np.zeros(len(names)) if position is None else np.array(position)
        empty = np.zeros(0)
        effort = empty if effort is None else np.array(effort)
        self.put(
            'joint_states', stamp_ns, name=names, position=position, velocity=empty, effort=effort
        )

    def odometry(
        self, topic: str, stamp_ns: int, position: Any, linear: Any, orientation: Any = UPRIGHT
    ) -> None:
        w, x, y, z = (float(value) for value in orientation)
        turned = self.make('geometry_msgs/msg/Quaternion', x=x, y=y, z=z, w=w)
        pose = self.make(
            'geometry_msgs/msg/Pose',
            position=self.vector(position, 'Point'),
            orientation=turned,
        )
        twist = self.make(
            'geometry_msgs/msg/Twist', linear=self.vector(linear), angular=self.vector((0, 0, 0))
        )
        unknown = np.zeros(36)
        self.put(
            topic,
            stamp_ns,
            child_frame_id='base',
            pose=self.make('geometry_msgs/msg/PoseWithCovariance', pose=pose, covariance=unknown),
            twist=self.make(
                'geometry_msgs/msg/TwistWithCovariance', twist=twist, covariance=unknown
            ),
        )

    def height_map(self, stamp_ns: int, heights: Any) -> None:
        cells = np.array(heights, dtype='<f4')
        self.put(
            'height_map',
            stamp_ns,
            height=1,
            width=cells.size,
            encoding='32FC1',
            is_bigendian=0,
            step=4 * cells.size,
            data=np.frombuffer(cells.tobytes(), dtype=np.uint8),
        )

    def command(self, stamp_ns: int, vx: float, vy: float = 0.0) -> None:
        twist = self.make(
            'geometry_msgs/msg/Twist',
            linear=self.vector((vx, vy, 0)),
            angular=self.vector((0, 0, 0)),
        )
        self.put('cmd_vel', stamp_ns, twist=twist)

    def tick(self, topic: str, stamp_ns: int, values: Mapping[str, Any]) -> None:
        pairs = [
            self.make('diagnostic_msgs/msg/KeyValue', key=key, value=str(value))
            for key, value in values.items()
        ]
        status = self.make(
            'diagnostic_msgs/msg/DiagnosticStatus',
            level=0,
            name='',
            message='tick',
            hardware_id='',
            values=pairs,
        )
        self.put(topic, stamp_ns, status=[status])

    def plan(self, stamp_ns: int, plan_ms: float = 5.0, **changes: Any) -> None:
        values = {
            'plan_ms': plan_ms,
            'age_ms': 0.0,
            'source': 'mppi',
            'reason': 'none',
            'gain': 0.02,
            'effective_samples': 9.0,
            'num_iterations': 4,
            'num_samples': 128,
            'num_proposals': 14,
            'model_identity': '0123456789ab',
        }
        self.tick('planner/tick', stamp_ns, values | changes)

    def decision(self, stamp_ns: int, **changes: Any) -> None:
        values = {
            'mode': 'follow',
            'action': 'follow_plan',
            'fault': 'none',
            'late': 0,
            'limited': '',
        }
        self.tick('supervisor/tick', stamp_ns, values | changes)

    def close(self) -> None:
        self.writer.close()
