"""Names of the topics of the graph, relative to the robot's namespace."""

from __future__ import annotations

from collections.abc import Collection

from simdist_ros.embodiment.sensors import SENSORS

__all__ = ['FOLLOWING', 'TYPES', 'find_namespaces']

JOINT_STATES = SENSORS['joints'].topic
IMU = SENSORS['imu'].topic
ODOM = SENSORS['odom'].topic
WRENCH = SENSORS['wrench'].topic
HEIGHT_MAP = SENSORS['height_map'].topic
SCAN = SENSORS['ranges'].topic
GROUND_TRUTH = 'ground_truth/odom'
COMMAND_VELOCITY = 'cmd_vel'
GOAL = 'goal'
PLAN = 'plan'
JOINT_COMMAND = 'joint_command'
MODE = 'mode'
PLANNER_TICK = 'planner/tick'
SUPERVISOR_TICK = 'supervisor/tick'
TRIAL = 'trial'
FOLLOWING = ('follow', 'walk')  # modes in which plans are followed; bags of before have the second


TYPES = {  # the first one is ours; the others are understood as well
    **{sensor.topic: (sensor.type,) for sensor in SENSORS.values()},
    GROUND_TRUTH: ('nav_msgs/msg/Odometry',),
    COMMAND_VELOCITY: ('geometry_msgs/msg/TwistStamped', 'geometry_msgs/msg/Twist'),
    GOAL: ('geometry_msgs/msg/PoseStamped',),
    PLAN: ('trajectory_msgs/msg/JointTrajectory',),
    JOINT_COMMAND: ('trajectory_msgs/msg/JointTrajectory',),
    MODE: ('std_msgs/msg/String',),
    PLANNER_TICK: ('diagnostic_msgs/msg/DiagnosticArray',),
    SUPERVISOR_TICK: ('diagnostic_msgs/msg/DiagnosticArray',),
    TRIAL: ('diagnostic_msgs/msg/DiagnosticArray',),
}


def find_namespaces(topics: Collection[str], needed: Collection[str]) -> list[str]:
    """Return what stands before the topics of each robot, with its slashes.

    Where no namespace holds all that is needed, those with joint states are returned.
    """
    ending = f'/{JOINT_STATES}'
    found = [topic.removesuffix(JOINT_STATES) for topic in topics if topic.endswith(ending)]
    whole = [name for name in found if all(name + topic in topics for topic in needed)]
    return sorted(whole or found)
