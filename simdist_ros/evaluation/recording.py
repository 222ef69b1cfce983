"""A run as arrays, read from its bag; a bag of `ros2 bag record` is as good."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.core.errors import BagError
from simdist_ros.embodiment.robot import Robot
from simdist_ros.messages.from_messages import wanted_from_msg, wrench_from_msg
from simdist_ros.messages.topic_names import (
    FOLLOWING,
    JOINT_STATES,
    ODOM,
    TRIAL,
    WRENCH,
    find_namespaces,
)
from simdist_ros.messages.topic_names import GROUND_TRUTH as TRUTH
from simdist_ros.tasks.choice import task_of
from simdist_ros.tasks.task import Task
from simdist_ros.transitions.bags.reader import bag_info, read_bag

__all__ = ['Recording', 'read_recording']

Array = NDArray[np.floating[Any]]


@dataclass
class Recording:
    """What happened, by stamp; stamps that were recorded twice count once.

    Attributes:
        position: Of the base in the world by stamp, (3,) [m].
        orientation: Of the base as w, x, y, z by stamp, (4,).
        velocity: Linear (3,) [m/s] and angular (3,) [rad/s] in the base frame by stamp, (6,).
        joint_pos: By stamp, (num_joints,) [rad].
        joint_vel: By stamp, (num_joints,) [rad/s], where velocities were recorded.
        joint_torque: By stamp, (num_joints,) [N m], where efforts were recorded.
        height: Of the base above the ground by stamp [m].
        command: What was asked for, by stamp, (command_dim,).
        planner: Record of each plan by stamp.
        supervisor: Record of each decision by stamp.
        wrench: At the wrist by stamp, (6,) [N, N m].
        trials: What came of each trial of the stand-in, by the stamp of its end.
        wall_ns: When each joint state was received, by stamp [ns].
    """

    position: dict[int, Array] = field(default_factory=dict)
    orientation: dict[int, Array] = field(default_factory=dict)
    velocity: dict[int, Array] = field(default_factory=dict)
    joint_pos: dict[int, Array] = field(default_factory=dict)
    joint_vel: dict[int, Array] = field(default_factory=dict)
    joint_torque: dict[int, Array] = field(default_factory=dict)
    height: dict[int, float] = field(default_factory=dict)
    command: dict[int, Array] = field(default_factory=dict)
    planner: dict[int, dict[str, str]] = field(default_factory=dict)
    supervisor: dict[int, dict[str, str]] = field(default_factory=dict)
    wrench: dict[int, Array] = field(default_factory=dict)
    trials: dict[int, dict[str, str]] = field(default_factory=dict)
    wall_ns: dict[int, int] = field(default_factory=dict)

    def align(self, tolerance_ns: int) -> None:
        """Give what was measured beside the joints the stamp of the nearest joint state.

        What has none within `tolerance_ns` [ns] is left out.
        """
        joints = np.array(sorted(self.joint_pos), dtype=np.int64)
        if not len(joints):
            return
        for name in ('position', 'orientation', 'velocity', 'height', 'wrench'):
            measured = getattr(self, name)
            aligned = {}
            for stamp in sorted(measured):
                nearest = int(joints[np.abs(joints - stamp).argmin()])
                if abs(nearest - stamp) <= tolerance_ns:
                    aligned[nearest] = measured[stamp]
            setattr(self, name, aligned)

    def walking(self) -> list[int]:
        """Return the stamps at which the robot was to walk and had a plan to begin with [ns]."""
        return [
            stamp
            for stamp, tick in sorted(self.supervisor.items())
            if tick['mode'] in FOLLOWING and tick['fault'] != 'no_plan' and stamp in self.position
        ]

    def poses(self) -> Array:
        """Return the poses of the walk.

        Returns:
            Time since its start [s], base position [m], base orientation (w, x, y, z) and joint
            positions [rad] of each moment, (N, 8 + num_joints).
        """
        stamps = [stamp for stamp in self.walking() if stamp in self.joint_pos]
        if not stamps:
            return np.zeros((0, 0))
        rows = [
            [
                1e-9 * (stamp - stamps[0]),
                *self.position[stamp],
                *self.orientation[stamp],
                *self.joint_pos[stamp],
            ]
            for stamp in stamps
        ]
        return np.array(rows)


def read_recording(bag: Path, robot: Robot) -> Recording:
    """Read a bag of the graph's topics.

    Raises:
        BagError: It is no bag, or lacks the robot's state.
    """
    recording = Recording()
    odometry: dict[str, list[tuple[int, Any]]] = defaultdict(list)
    info = bag_info(bag)
    before = (find_namespaces(info.topics, (JOINT_STATES, ODOM)) or ['/'])[0]
    task = task_of(robot)
    readers = READERS | {task.topic: partial(add_command, task)}
    names = {
        before + name: name for name in (TRUTH, ODOM, *readers) if before + name in info.topics
    }
    for entry in read_bag(bag, list(names), info):
        topic = names[entry.topic]
        if topic in (TRUTH, ODOM):
            odometry[topic].append((stamp_of(entry.message), entry.message))
        else:
            readers[topic](recording, robot, entry)
    for stamp, message in odometry[TRUTH] or odometry[ODOM]:
        add_odometry(recording, stamp, message)
    recording.align(robot.period_ns // 2)
    if not recording.position or not recording.joint_pos:
        raise BagError(f'bag {str(bag)!r} has no odometry or no joint states; nothing to report')
    return recording


def stamp_of(message: Any) -> int:
    """Return the header's stamp [ns]."""
    stamp = message.header.stamp
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)


def add_odometry(recording: Recording, stamp: int, message: Any) -> None:
    """Take pose and twist."""
    p, q = message.pose.pose.position, message.pose.pose.orientation
    linear, angular = message.twist.twist.linear, message.twist.twist.angular
    recording.position[stamp] = np.array([p.x, p.y, p.z])
    recording.orientation[stamp] = np.array([q.w, q.x, q.y, q.z])
    recording.velocity[stamp] = np.array(
        [linear.x, linear.y, linear.z, angular.x, angular.y, angular.z]
    )


def add_joints(recording: Recording, robot: Robot, entry: Any) -> None:
    """Take joint positions, and velocities and torques if there are any."""
    stamp = stamp_of(entry.message)
    order = robot.order(entry.message.name)
    recording.joint_pos[stamp] = np.asarray(entry.message.position)[order]
    if len(entry.message.velocity) == len(order):
        recording.joint_vel[stamp] = np.asarray(entry.message.velocity)[order]
    if len(entry.message.effort) == len(order):
        recording.joint_torque[stamp] = np.asarray(entry.message.effort)[order]
    recording.wall_ns.setdefault(stamp, entry.stamp_ns)


def add_height(recording: Recording, robot: Robot, entry: Any) -> None:
    """Take the height of the base above the cell under it."""
    grid = robot.height_map
    if grid is None:
        return
    data = np.asarray(entry.message.data, dtype=np.uint8).tobytes()
    if len(data) != 4 * grid.size:  # the planner has refused it too
        return
    heights = np.frombuffer(data, dtype='<f4')
    recording.height[stamp_of(entry.message)] = float(heights[grid.centre])


def add_command(task: Task, recording: Recording, robot: Robot, entry: Any) -> None:
    """Take what is asked for."""
    command = wanted_from_msg(task, entry.message)
    if hasattr(entry.message, 'header'):
        recording.command[stamp_of(entry.message)] = command
    elif recording.joint_pos:  # a Twist holds from the newest state on
        recording.command[next(reversed(recording.joint_pos))] = command


def add_planner(recording: Recording, robot: Robot, entry: Any) -> None:
    """Take the record of one plan."""
    recording.planner[stamp_of(entry.message)] = values_of(entry.message)


def add_supervisor(recording: Recording, robot: Robot, entry: Any) -> None:
    """Take the record of one decision."""
    recording.supervisor[stamp_of(entry.message)] = values_of(entry.message)


def add_trial(recording: Recording, robot: Robot, entry: Any) -> None:
    """Take what came of a trial."""
    recording.trials[stamp_of(entry.message)] = values_of(entry.message)


def add_wrench(recording: Recording, robot: Robot, entry: Any) -> None:
    """Take force and torque."""
    recording.wrench[stamp_of(entry.message)] = wrench_from_msg(entry.message)


def values_of(message: Any) -> dict[str, str]:
    """Return the key-value pairs of a diagnostic message's first status."""
    return {pair.key: pair.value for pair in message.status[0].values}


READERS = {
    'joint_states': add_joints,
    'height_map': add_height,
    'planner/tick': add_planner,
    'supervisor/tick': add_supervisor,
    TRIAL: add_trial,
    WRENCH: add_wrench,
}
