"""Names and types of the topics of the graph, relative to the robot's namespace."""

from __future__ import annotations

from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import TwistStamped
from nav_msgs.msg import Odometry
from sensor_msgs.msg import Image, Imu, JointState
from std_msgs.msg import String
from trajectory_msgs.msg import JointTrajectory

__all__ = ['RECORDED_TOPICS']

JOINT_STATES = 'joint_states'
IMU = 'imu/data'
ODOM = 'odom'
HEIGHT_MAP = 'height_map'
GROUND_TRUTH = 'ground_truth/odom'
COMMAND_VELOCITY = 'cmd_vel'
PLAN = 'plan'
JOINT_COMMAND = 'joint_command'
MODE = 'mode'
PLANNER_TICK = 'planner/tick'
SUPERVISOR_TICK = 'supervisor/tick'

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
