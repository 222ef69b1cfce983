"""What a recorded run was asked for one after the other, and how much of it was done."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.embodiment.observation import RobotState, proprio_obs
from simdist_ros.embodiment.robot import Robot
from simdist_ros.evaluation.recording import Recording
from simdist_ros.tasks.choice import task_of

__all__ = ['success_rate']

Array = NDArray[np.floating[Any]]


def success_rate(recording: Recording, robot: Robot, wanted: Array) -> float | None:
    """Return the share of the commands that were done when they ended; None without an end.

    A command ends with the next one or with the run; one that was taken back too soon counts too.

    Args:
        recording: The run.
        robot: Whose run it is.
        wanted: What was asked for at each stamp of `Recording.walking`, (N, command_dim).
    """
    task, stamps = task_of(robot), recording.walking()
    if not task.has_end:
        return None
    changes = np.flatnonzero(np.any(np.diff(wanted, axis=0) != 0.0, axis=1))
    done = []
    for last in [*changes.tolist(), len(stamps) - 1]:
        observed = proprio_obs(robot, state_at(recording, robot, stamps[last]), wanted[last])
        done.append(bool(task.succeeded(observed, wanted[last])))
    return float(np.mean(done))


def state_at(recording: Recording, robot: Robot, stamp_ns: int) -> RobotState:
    """Return what was measured at a stamp; NaN for what was not recorded."""

    def known(values: dict[int, Array], size: int) -> Array:
        return values.get(stamp_ns, np.full(size, np.nan))

    velocity = known(recording.velocity, 6)
    return RobotState(
        stamp_ns=stamp_ns,
        joint_pos=known(recording.joint_pos, robot.num_joints),
        joint_vel=known(recording.joint_vel, robot.num_joints),
        orientation=known(recording.orientation, 4),
        linear_velocity=velocity[:3],
        angular_velocity=velocity[3:],
    )
