"""Types of the topics of the graph; their names are the transitions'."""

from __future__ import annotations

from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import TwistStamped
from nav_msgs.msg import Odometry
from sensor_msgs.msg import Image, Imu, JointState
from std_msgs.msg import String
from trajectory_msgs.msg import JointTrajectory

from simdist_ros.messages.topic_names import (
    COMMAND_VELOCITY,
    GROUND_TRUTH,
    HEIGHT_MAP,
    IMU,
    JOINT_COMMAND,
    JOINT_STATES,
    MODE,
    ODOM,
    PLAN,
    PLANNER_TICK,
    SUPERVISOR_TICK,
)

__all__ = [
    'COMMAND_VELOCITY',
    'GROUND_TRUTH',
    'HEIGHT_MAP',
    'IMU',
    'JOINT_COMMAND',
    'JOINT_STATES',
    'MODE',
    'ODOM',
    'PLAN',
    'PLANNER_TICK',
    'RECORDED_TOPICS',
    'SUPERVISOR_TICK',
]

RECORDED_TOPICS = {
    JOINT_STATES: JointState,
    IMU: Imu,
    ODOM: Odometry,
    HEIGHT_MAP: Image,
    GROUND_TRUTH: Odometry,
    COMMAND_VELOCITY: TwistStamped,
    PLAN: JointTrajectory,
    JOINT_COMMAND: JointTrajectory,
    MODE: String,
    PLANNER_TICK: DiagnosticArray,
    SUPERVISOR_TICK: DiagnosticArray,
}
