"""What a run came to: distance, error, falls, latency, rate."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.core.atomic import write_atomic
from simdist_ros.core.errors import BagError, ConfigError
from simdist_ros.core.rotation import projected_gravity
from simdist_ros.embodiment.robot import Robot
from simdist_ros.evaluation.recording import Recording, read_recording
from simdist_ros.evaluation.successes import successes
from simdist_ros.tasks.choice import task_of
from simdist_ros.tasks.task import Task
from simdist_ros.tasks.velocity.following import gait_steps, smoothed

__all__ = ['Report', 'make_report', 'report_lines', 'velocity_series', 'write_report']

Array = NDArray[np.floating[Any]]

UP_S = 0.3  # without a reading of a fallen robot, after which it has risen


OF_BASES = ('distance_m', 'path_m', 'fell', 'falls', 'tracking_error_mps')
OF_PLACES = ('place_error_m',)


@dataclass(frozen=True, kw_only=True)
class Report:
    """Figures of one run, over the time in which the robot was to walk.

    Attributes:
        distance_m: From the first to the last position, along the ground.
        path_m: Length of the way between them.
        fell: Whether it fell.
        falls: How often it did.
        task: Name of what it was to do.
        tracking_error_mps: Mean distance of the velocity, averaged over a gait period, from the
            one asked for, after the first second; NaN for another task.
        place_error_m: Mean distance of the tool from its place after the first second; NaN for
            another task.
        error_unit: Which of the two errors the task has: ``mps`` or ``m``.
        planner_ms: Median and 99th percentile of the time for one plan.
        planner: Proposals, samples, iterations, gain of the plan over the policy prior, effective
            samples (means of the ticks that searched), ticks without a plan, ticks of trials.
        ticks: Control ticks.
        late_ticks: Ticks at which no plan for just this tick was there.
        rate_hz: Plans on time per second of wall time.
        realtime_factor: Robot time over wall time.
        duration_s: Robot time.
        bag: Folder of the bag.
        was_interrupted: Whether it was ended before its time.
        success_rate: Share of the trials that were done, as the stand-in knows; without it, of the
            commands that were done when they ended, by sensors. None for a task without an end.
        episodes: How many there were. None for a task without an end, as the others below.
        success_by_start: Success rate by how trials began; empty where that is not known.
        median_time_s: Of those that were done, NaN if none was; None without recorded trials.
        max_force_n: Largest force measured at the wrist; None without a sensor there.
    """

    distance_m: float
    path_m: float
    fell: bool
    falls: int
    tracking_error_mps: float
    planner_ms: dict[str, float]
    planner: dict[str, float]
    ticks: int
    late_ticks: int
    rate_hz: float
    realtime_factor: float
    duration_s: float
    bag: str
    task: str = 'velocity'
    place_error_m: float = math.nan
    error_unit: str = 'mps'
    was_interrupted: bool = False
    success_rate: float | None = None
    episodes: int | None = None
    success_by_start: dict[str, float] | None = None
    median_time_s: float | None = None
    max_force_n: float | None = None


def make_report(bag: Path, robot: Robot) -> tuple[Report, Recording]:
    """Compute the figures of a bag.

    Raises:
        BagError: It is no bag, or the robot never walked in it.
    """
    recording = read_recording(bag, robot)
    stamps = recording.walking()
    if len(stamps) < 2:
        raise BagError(f'bag {str(bag)!r}: the robot never walked; see the logs beside it')
    path = np.array([recording.position[stamp] for stamp in stamps])[:, :2]
    ticks = [recording.supervisor[stamp] for stamp in stamps]
    late = sum(int(tick['late']) for tick in ticks)
    wall_s = 1e-9 * (recording.wall_ns[stamps[-1]] - recording.wall_ns[stamps[0]])
    duration_s = 1e-9 * (stamps[-1] - stamps[0])
    falls, errors = count_falls(recording, robot), command_errors(recording, robot)
    report = Report(
        distance_m=float(np.linalg.norm(path[-1] - path[0])),
        path_m=float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum()),
        fell=falls > 0,
        falls=falls,
        tracking_error_mps=errors['mps'],
        place_error_m=errors['m'],
        error_unit=task_of(robot).error_unit,
        planner_ms=latency(recording, stamps),
        planner=search_figures(recording, stamps),
        ticks=len(stamps),
        late_ticks=late,
        rate_hz=(1.0 - late / len(stamps)) * (len(stamps) - 1) / wall_s,
        realtime_factor=duration_s / wall_s,
        duration_s=duration_s,
        bag=str(bag),
        task=task_of(robot).name,
        **successes(recording, robot, wanted_commands(recording, task_of(robot))),
    )
    return report, recording


def count_falls(recording: Recording, robot: Robot) -> int:
    """Count how often the base became too low or too far tilted.

    A robot that lies is measured now above and now below what is too low: a fall counts where the
    robot was up for `UP_S`.
    """
    task = task_of(robot)
    fallen = [
        stamp
        for stamp in sorted(recording.position)
        if task.failed(
            projected_gravity(recording.orientation[stamp]),
            recording.height.get(stamp, np.nan),
        )
    ]
    return int(np.sum(np.diff(fallen, prepend=-1e9 * UP_S) >= 1e9 * UP_S)) if fallen else 0


def velocity_series(recording: Recording, robot: Robot) -> tuple[Array, Array, Array]:
    """Return times [s], velocities averaged over a gait period and those asked for.

    Returns:
        (N,), (N, 3) and (N, 3): vx, vy [m/s], yaw rate [rad/s] in the base frame.
    """
    stamps = recording.walking()
    window = min(len(stamps), gait_steps(robot))
    smooth = smoothed(base_velocity(recording), window)
    times = 1e-9 * (np.array(stamps) - stamps[0])
    return times[window - 1 :], smooth, wanted_commands(recording, task_of(robot))[window - 1 :]


def command_errors(recording: Recording, robot: Robot) -> dict[str, float]:
    """Return how far off the command the robot was, by the unit; NaN in that of another task."""
    task, stamps = task_of(robot), recording.walking()
    velocity, wanted = base_velocity(recording), wanted_commands(recording, task)
    known = [recording.joint_pos.get(stamp, np.full(robot.num_joints, np.nan)) for stamp in stamps]
    error = task.error(velocity, np.array(known), wanted)
    if task.error_unit == 'mps' and not math.isfinite(
        error
    ):  # too short a walk for one: that of its mean
        error = float(np.linalg.norm((velocity - wanted)[:, :2].mean(axis=0)))
    return {'mps': math.nan, 'm': math.nan, task.error_unit: error}


def base_velocity(recording: Recording) -> Array:
    """Return vx, vy [m/s] and yaw rate [rad/s] in the base frame while walking, (N, 3)."""
    return np.array([recording.velocity[stamp][[0, 1, 5]] for stamp in recording.walking()])


def wanted_commands(recording: Recording, task: Task) -> Array:
    """Return the newest command at each state, (N, command_dim); before one came, the task's."""
    stamps = recording.walking()
    commands = np.array(sorted(recording.command.items(), key=lambda item: item[0]), dtype=object)
    if not len(commands):
        return np.tile(task.first_command(), (len(stamps), 1))
    known = np.array([stamp for stamp, _ in commands], dtype=np.int64)
    index = np.clip(np.searchsorted(known, stamps, side='right') - 1, 0, None)
    return np.stack([commands[i][1] for i in index])


def latency(recording: Recording, stamps: list[int]) -> dict[str, float]:
    """Return median and 99th percentile of the time for one plan [ms]."""
    times = [float(recording.planner[s]['plan_ms']) for s in stamps if s in recording.planner]
    if not times:
        return {'p50': float('nan'), 'p99': float('nan')}
    median, p99 = np.percentile(times, (50, 99))
    return {'p50': float(median), 'p99': float(p99)}


def search_figures(recording: Recording, stamps: list[int]) -> dict[str, float]:
    """Return means of what the search did, and the ticks without a plan."""
    ticks = [recording.planner[stamp] for stamp in stamps if stamp in recording.planner]
    sources = Counter(tick['source'] for tick in ticks)
    planned = [tick for tick in ticks if tick['source'] not in ('none', 'exploration')]
    names = ('num_proposals', 'num_samples', 'num_iterations', 'gain', 'effective_samples')
    figures = {name: finite_mean([float(tick[name]) for tick in planned]) for name in names}
    return figures | {
        'ticks_without_plan': float(sources['none']),
        'trial_ticks': float(sources['exploration']),
        'doubted_ticks': float(sum(tick.get('belief') == 'doubted' for tick in ticks)),
    }


def finite_mean(values: list[float]) -> float:
    """Return the mean of the values that are numbers, 0 if none is."""
    finite = [value for value in values if np.isfinite(value)]
    return float(np.mean(finite)) if finite else 0.0


def report_lines(report: Report) -> list[str]:
    """Say it in a terminal."""
    milliseconds, search = report.planner_ms, report.planner
    late = 100.0 * report.late_ticks / report.ticks
    if report.error_unit == 'mps':
        told = [
            f'distance          {report.distance_m:.2f} m in {report.duration_s:.1f} s',
            f'tracking error    {report.tracking_error_mps:.3f} m/s',
            f'falls             {report.falls}',
        ]
    else:
        told = [
            f'duration          {report.duration_s:.1f} s',
            f'distance to goal  {report.place_error_m:.3f} m after the first second',
        ]
    if report.success_rate is not None:
        told += success_lines(report)
    return [
        *told,
        f'planner           {milliseconds["p50"]:.1f} ms median, {milliseconds["p99"]:.1f} ms p99 '
        f'({search["num_proposals"]:.0f} proposals, {search["num_samples"]:.0f} samples x '
        f'{search["num_iterations"]:.1f} iterations)',
        f'gain over policy  {search["gain"]:+.3f} (return of the plan, by the model)',
        f'rate held         {report.rate_hz:.1f} Hz, {report.late_ticks} of {report.ticks} ticks '
        f'late ({late:.1f} %)',
        f'real-time factor  {report.realtime_factor:.2f}',
        f'bag               {report.bag}',
    ]


def success_lines(report: Report) -> list[str]:
    """Say how many trials were done."""
    by_start = report.success_by_start or {}
    of_each = ', '.join(f'{start} {rate:.2f}' for start, rate in by_start.items())
    number = f' of {report.episodes}' if report.episodes is not None else ''
    in_brackets = f' ({of_each})' if of_each else ''
    lines = [f'success rate      {report.success_rate:.2f}{number}{in_brackets}']
    if report.median_time_s is not None and math.isfinite(report.median_time_s):
        lines.append(f'median time       {report.median_time_s:.1f} s of those that were done')
    if report.max_force_n is not None and math.isfinite(report.max_force_n):
        lines.append(f'largest force     {report.max_force_n:.0f} N at the wrist')
    return lines


def write_report(report: Report, path: Path, about: dict[str, Any]) -> None:
    """Write the figures as JSON, null where one is unknown, with what the run was.

    What a task does not have is left out: success without an end, the way of a base of an arm.

    Raises:
        ConfigError: It cannot be written there.
    """
    left_out = {'error_unit', *(OF_PLACES if report.error_unit == 'mps' else OF_BASES)}
    figures = {
        name: None if isinstance(value, float) and math.isnan(value) else value
        for name, value in asdict(report).items()
        if name not in left_out and value is not None
    }
    text = json.dumps({**figures, 'run': about}, indent=2) + '\n'
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, text.encode())
    except OSError as error:
        raise ConfigError(
            f'report {str(path)!r} cannot be written ({error.strerror}); name another file'
        ) from None
