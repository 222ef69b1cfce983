"""What a recorded run was asked for one after the other, and how much of it was done."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.embodiment.observation import RobotState, proprio_obs
from simdist_ros.embodiment.robot import Robot
from simdist_ros.evaluation.recording import Recording
from simdist_ros.tasks.choice import task_of

__all__ = ['success_rate', 'successes']

Array = NDArray[np.floating[Any]]


def successes(recording: Recording, robot: Robot, wanted: Array) -> dict[str, Any]:
    """Return the figures of a report on trials; nothing for a task without an end.

    Args:
        recording: The run.
        robot: Whose run it is.
        wanted: What was asked for at each stamp of `Recording.walking`, (N, command_dim).
    """
    if not task_of(robot).has_end:
        return {}
    trials = list(recording.trials.values())
    done = [float(trial['time_s']) for trial in trials if trial['succeeded'] == '1']
    forces = [np.linalg.norm(wrench[:3]) for wrench in recording.wrench.values()]
    by_start = {
        start: float(np.mean([t['succeeded'] == '1' for t in trials if t['start'] == start]))
        for start in sorted({trial['start'] for trial in trials})
    }
    rate = len(done) / len(trials) if trials else success_rate(recording, robot, wanted)
    changes = int(np.any(np.diff(wanted, axis=0) != 0.0, axis=1).sum())
    figures: dict[str, Any] = {'success_rate': rate, 'episodes': len(trials) or changes + 1}
    if trials:
        figures['success_by_start'] = by_start
        figures['median_time_s'] = float(np.median(done)) if done else float('nan')
    if forces:
        figures['max_force_n'] = float(np.nanmax(forces))
    return figures


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
        wrench=known(recording.wrench, 6),
    )
