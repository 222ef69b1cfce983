"""Names of the topics of the graph, relative to the robot's namespace."""

from __future__ import annotations

__all__ = ['find_namespace']

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


def find_namespace(topics: list[str]) -> str | None:
    """Return what stands before every name, with its slashes; None unless there is just one."""
    ending = f'/{JOINT_STATES}'
    found = [topic.removesuffix(JOINT_STATES) for topic in topics if topic.endswith(ending)]
    return found[0] if len(found) == 1 else None
