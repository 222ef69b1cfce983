"""Types of the topics of the graph; their names are the transitions'."""

from __future__ import annotations

from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped, TwistStamped, WrenchStamped
from nav_msgs.msg import Odometry
from sensor_msgs.msg import Image, Imu, JointState, LaserScan
from std_msgs.msg import String
from trajectory_msgs.msg import JointTrajectory

from simdist_ros.embodiment.robot import Robot
from simdist_ros.embodiment.sensors import SENSORS, sensors_of
from simdist_ros.messages.topic_names import (
    COMMAND_VELOCITY,
    GOAL,
    GROUND_TRUTH,
    HEIGHT_MAP,
    IMU,
    JOINT_COMMAND,
    JOINT_STATES,
    MODE,
    ODOM,
    PLAN,
    PLANNER_TICK,
    SCAN,
    SUPERVISOR_TICK,
    TRIAL,
    WRENCH,
)
from simdist_ros.tasks.choice import task_of

__all__ = [
    'COMMAND_VELOCITY',
    'GOAL',
    'GROUND_TRUTH',
    'HEIGHT_MAP',
    'IMU',
    'JOINT_COMMAND',
    'JOINT_STATES',
    'MESSAGES',
    'MODE',
    'ODOM',
    'OF_TASKS',
    'PLAN',
    'PLANNER_TICK',
    'SCAN',
    'SUPERVISOR_TICK',
    'TRIAL',
    'WRENCH',
    'recorded_topics',
]

MESSAGES = {  # by topic
    JOINT_STATES: JointState,
    IMU: Imu,
    ODOM: Odometry,
    HEIGHT_MAP: Image,
    SCAN: LaserScan,
    WRENCH: WrenchStamped,
    GROUND_TRUTH: Odometry,
    COMMAND_VELOCITY: TwistStamped,
    GOAL: PoseStamped,
    PLAN: JointTrajectory,
    JOINT_COMMAND: JointTrajectory,
    MODE: String,
    PLANNER_TICK: DiagnosticArray,
    SUPERVISOR_TICK: DiagnosticArray,
    TRIAL: DiagnosticArray,
}

OF_TASKS = (COMMAND_VELOCITY, GOAL)
OF_SENSORS = tuple(sensor.topic for sensor in SENSORS.values())


def recorded_topics(robot: Robot) -> dict[str, type]:
    """Return the topics of a robot and their types: of its sensors, its task and all nodes."""
    task = task_of(robot)
    own = {task.topic, *(SENSORS[name].topic for name in sensors_of(robot))}
    others = {*OF_TASKS, *OF_SENSORS, *(() if task.has_end else (TRIAL,))} - own
    return {topic: kind for topic, kind in MESSAGES.items() if topic not in others}
