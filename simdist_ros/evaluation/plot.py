"""One figure of a run: what base and joints did, torques, and what a plan took."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from simdist_ros.core.rotation import yaw
from simdist_ros.embodiment.robot import Robot
from simdist_ros.evaluation.recording import Recording
from simdist_ros.evaluation.report import velocity_series
from simdist_ros.sim.footfalls import Footfalls
from simdist_ros.tasks.choice import task_of

__all__ = ['draw_run', 'in_start_frame', 'legend_above', 'plot_run', 'torque_shares']

Array = NDArray[np.floating[Any]]
Panel = Callable[[Axes], None]

VX, VY, YAW_RATE = range(3)


def plot_run(
    recording: Recording,
    robot: Robot,
    period_ms: float | None,
    path: Path,
    footfalls: Footfalls | None = None,
) -> None:
    """Write the figure of `draw_run` as a PNG to a path."""
    draw_run(recording, robot, period_ms, footfalls).savefig(path, dpi=110)


def draw_run(
    recording: Recording,
    robot: Robot,
    period_ms: float | None,
    footfalls: Footfalls | None = None,
) -> Figure:
    """Draw what was recorded; what a robot does not have, or was not recorded, has no panel.

    Args:
        recording: The run.
        robot: The robot that ran.
        period_ms: Time there was for a plan [ms]; None where nothing waited for it.
        footfalls: Contacts of its feet.
    """
    stamps = recording.walking()
    motion: dict[str, Panel] = {
        'joints': lambda axes: draw_joints(axes, recording, robot, stamps),
        'path': lambda axes: draw_path(axes, recording, stamps),
        'velocity': lambda axes: draw_velocity(axes, recording, robot),
        'yaw_rate': lambda axes: draw_yaw_rate(axes, recording, robot),
        'heading': lambda axes: draw_heading(axes, recording, stamps),
    }
    panels = [motion[name] for name in task_of(robot).panels]
    if footfalls is not None and footfalls.feet:
        panels.append(lambda axes: draw_footfalls(axes, footfalls))
    if any(stamp in recording.joint_torque for stamp in stamps):
        panels.append(lambda axes: draw_torque(axes, recording, robot))
    panels.append(lambda axes: draw_plan_time(axes, recording, stamps, period_ms))
    first, *others = panels
    rows = 1 + (len(others) + 1) // 2
    figure = Figure(figsize=(13.0, 2.9 * rows), layout='constrained')
    grid = figure.add_gridspec(rows, 2)
    first(figure.add_subplot(grid[0, :]))
    for index, panel in enumerate(others):
        row, column = divmod(index, 2)
        is_alone = column == 0 and index == len(others) - 1
        panel(figure.add_subplot(grid[1 + row, :] if is_alone else grid[1 + row, column]))
    return figure


def legend_above(axes: Axes) -> None:
    """Put the legend beside the title, where no curve can be."""
    axes.legend(
        loc='lower right',
        bbox_to_anchor=(1.0, 1.0),
        ncols=5,
        fontsize='small',
        frameon=False,
        borderaxespad=0.1,
        columnspacing=1.0,
        handlelength=1.5,
    )


def draw_path(axes: Axes, recording: Recording, stamps: list[int]) -> None:
    """Draw the path from above at one scale; the limits fill the panel, however straight it is."""
    path = in_start_frame(recording, stamps)
    axes.plot(path[:, 0], path[:, 1], color='tab:blue')
    axes.plot(0, 0, 'o', color='tab:green', label='start')
    axes.plot(*path[-1], 's', color='tab:red', label='end')
    axes.set(xlabel='ahead [m]', ylabel='left [m]')
    axes.set_aspect('equal', adjustable='datalim')
    axes.set_title('Path of the base', loc='left')
    axes.grid(alpha=0.3)
    legend_above(axes)


def draw_velocity(axes: Axes, recording: Recording, robot: Robot) -> None:
    """Draw velocity along the ground against what was asked for."""
    times, velocity, wanted = velocity_series(recording, robot)
    for index, name in ((VX, 'vx'), (VY, 'vy')):
        line = axes.plot(times, velocity[:, index], label=name)[0]
        axes.plot(times, wanted[:, index], '--', color=line.get_color(), label=f'{name} asked')
    axes.set(xlabel='time [s]', ylabel='mean of a gait period [m/s]')
    axes.set_title('Velocity', loc='left')
    legend_above(axes)


def draw_yaw_rate(axes: Axes, recording: Recording, robot: Robot) -> None:
    """Draw the yaw rate against what was asked for."""
    times, velocity, wanted = velocity_series(recording, robot)
    axes.plot(times, velocity[:, YAW_RATE], label='yaw rate')
    axes.plot(times, wanted[:, YAW_RATE], '--', color='tab:blue', label='asked')
    axes.set(xlabel='time [s]', ylabel='mean of a gait period [rad/s]')
    axes.set_title('Yaw rate', loc='left')
    keep_range(axes, 0.2)
    legend_above(axes)


def draw_heading(axes: Axes, recording: Recording, stamps: list[int]) -> None:
    """Draw the heading from the first one on."""
    headings = np.unwrap([yaw(recording.orientation[stamp]) for stamp in stamps])
    axes.plot(seconds(stamps), np.degrees(headings - headings[0]))
    axes.set(xlabel='time [s]', ylabel='[deg]')
    axes.set_title('Heading from the start, left is positive', loc='left')
    keep_range(axes, 10.0)


def draw_joints(axes: Axes, recording: Recording, robot: Robot, stamps: list[int]) -> None:
    """Draw the angle of each joint."""
    known = [stamp for stamp in stamps if stamp in recording.joint_pos]
    angles = np.array([recording.joint_pos[stamp] for stamp in known])
    times = 1e-9 * (np.array(known) - stamps[0])
    for name, angle in zip(robot.joint_names, angles.T, strict=True):
        axes.plot(times, angle, label=name)
    axes.set(xlabel='time [s]', ylabel='[rad]')
    axes.set_title('Joints', loc='left')
    axes.grid(alpha=0.3)
    legend_above(axes)


def draw_footfalls(axes: Axes, footfalls: Footfalls) -> None:
    """Draw a bar for each foot while it is on the ground."""
    period_s = float(np.median(np.diff(footfalls.time_s))) if len(footfalls.time_s) > 1 else 0.0
    for row, contact in enumerate(footfalls.contact.T):
        bars = [(time, period_s) for time in footfalls.time_s[contact].tolist()]
        axes.broken_barh(bars, (row - 0.35, 0.7), color='tab:blue')
    axes.set_yticks(range(len(footfalls.feet)), footfalls.feet)
    axes.set_ylim(len(footfalls.feet) - 0.5, -0.5)
    axes.set_xlabel('time [s]')
    axes.set_title('Feet on the ground, from poses, end of the walk', loc='left')


def draw_torque(axes: Axes, recording: Recording, robot: Robot) -> None:
    """Draw the torque of the most loaded joint and the mean, as shares of the limits."""
    stamps, shares = torque_shares(recording, robot)
    worst = robot.joint_names[int(shares.max(axis=0).argmax())]
    times = 1e-9 * (np.array(stamps) - recording.walking()[0])
    axes.plot(times, shares.max(axis=1), linewidth=0.8, label=f'most loaded joint (peak: {worst})')
    axes.plot(times, shares.mean(axis=1), linewidth=0.8, label='mean')
    axes.axhline(1.0, color='tab:red', linestyle='--', label='limit')
    axes.set(xlabel='time [s]', ylabel='share of limit', ylim=(0.0, None))
    axes.set_title('Torque', loc='left')
    legend_above(axes)


def draw_plan_time(
    axes: Axes, recording: Recording, stamps: list[int], period_ms: float | None
) -> None:
    """Draw what each plan took."""
    ticks = [stamp for stamp in stamps if stamp in recording.planner]
    plan_ms = [float(recording.planner[stamp]['plan_ms']) for stamp in ticks]
    axes.plot(1e-9 * (np.array(ticks) - stamps[0]), plan_ms, '.', markersize=3)
    if period_ms is not None:
        axes.axhline(period_ms, color='tab:red', linestyle='--', label='control period')
        legend_above(axes)
    axes.set(xlabel='time [s]', ylabel='[ms]', ylim=(0.0, None))
    axes.set_title('Time for one plan', loc='left')


def keep_range(axes: Axes, least: float) -> None:
    """Widen the vertical limits to at least a range, so that noise does not look like motion."""
    low, high = axes.get_ylim()
    missing = max(0.0, least - (high - low)) / 2.0
    axes.set_ylim(low - missing, high + missing)


def seconds(stamps: list[int]) -> Array:
    """Return times since the first stamp, (N,) [s]."""
    return 1e-9 * (np.array(stamps) - stamps[0])


def torque_shares(recording: Recording, robot: Robot) -> tuple[list[int], Array]:
    """Return torques of the walk as shares of the robot's limits.

    Returns:
        Stamps at which they were recorded [ns], N of them, and shares >= 0, (N, num_joints).
    """
    stamps = [stamp for stamp in recording.walking() if stamp in recording.joint_torque]
    torque = np.array([recording.joint_torque[stamp] for stamp in stamps])
    limit = robot.per_joint('max_torque')
    return stamps, np.divide(np.abs(torque), limit, out=np.zeros_like(torque), where=limit > 0.0)


def in_start_frame(recording: Recording, stamps: list[int]) -> Array:
    """Return where the base was, seen from its first position and heading, (N, 2) [m]."""
    path = np.array([recording.position[stamp] for stamp in stamps])[:, :2]
    heading = yaw(recording.orientation[stamps[0]])
    cos, sin = np.cos(heading), np.sin(heading)
    rotated: Array = (path - path[0]) @ np.array([[cos, -sin], [sin, cos]])
    return rotated
