"""One figure of a run: the way it went, velocity, and what a plan took."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from numpy.typing import NDArray

from simdist_ros.bringup.recording import Recording
from simdist_ros.bringup.report import velocity_series
from simdist_ros.core.robot import Robot

__all__ = ['plot_run']


def plot_run(recording: Recording, robot: Robot, period_ms: float | None, path: Path) -> None:
    """Draw the figure.

    Args:
        recording: The run.
        robot: The robot that ran.
        period_ms: Time there was for a plan [ms]; None where nothing waited for it.
        path: PNG to write.
    """
    matplotlib.use('Agg')
    from matplotlib import pyplot

    stamps = recording.walking()
    way = in_start_frame(recording, stamps)
    times, velocity, wanted = velocity_series(recording, robot)
    figure, (top, middle, bottom) = pyplot.subplots(
        3, 1, figsize=(8, 9), height_ratios=(1.4, 1, 1), layout='constrained'
    )
    top.plot(way[:, 0], way[:, 1], color='tab:blue')
    top.plot(0, 0, 'o', color='tab:green', label='start')
    top.plot(*way[-1], 's', color='tab:red', label='end')
    top.set(xlabel='ahead [m]', ylabel='left [m]', title='Way of the base', aspect='equal')
    top.margins(0.1, 0.5)
    top.legend()
    for index, name in enumerate(('vx', 'vy')):
        line = middle.plot(times, velocity[:, index], label=name)[0]
        middle.plot(times, wanted[:, index], '--', color=line.get_color(), label=f'{name} asked')
    middle.set(xlabel='time [s]', ylabel='[m/s]', title='Velocity, mean of a gait period')
    middle.legend(ncols=4, fontsize='small')
    ticks = [stamp for stamp in stamps if stamp in recording.planner]
    plan_ms = [float(recording.planner[stamp]['plan_ms']) for stamp in ticks]
    bottom.plot(1e-9 * (np.array(ticks) - stamps[0]), plan_ms, '.', markersize=3)
    if period_ms is not None:
        bottom.axhline(period_ms, color='tab:red', linestyle='--', label='time there is')
        bottom.legend()
    bottom.set(xlabel='time [s]', ylabel='[ms]', title='Time for one plan', ylim=(0, None))
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def in_start_frame(recording: Recording, stamps: list[int]) -> NDArray[np.floating[Any]]:
    """Return where the base was, seen from its first position and heading, (N, 2) [m]."""
    way = np.array([recording.position[stamp] for stamp in stamps])[:, :2]
    w, x, y, z = recording.orientation[stamps[0]]
    heading = np.arctan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))
    cos, sin = np.cos(heading), np.sin(heading)
    rotated: NDArray[np.floating[Any]] = (way - way[0]) @ np.array([[cos, -sin], [sin, cos]])
    return rotated
