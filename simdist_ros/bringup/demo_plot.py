"""The figure of the demonstration: progress while it learns, and what is foretold of slips."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from numpy.typing import NDArray

from simdist_ros.adaptation.evaluate import BagEvaluation
from simdist_ros.bringup.recording import Recording
from simdist_ros.bringup.report import Report
from simdist_ros.core.robot import Robot

__all__ = ['plot_demo', 'progress_series', 'swap_times']

Array = NDArray[np.floating[Any]]

PIECE_S = 10.0


def progress_series(recording: Recording, robot: Robot) -> tuple[Array, Array]:
    """Return how far a walk came in each piece of `PIECE_S`.

    Returns:
        End of each piece [s] since the start, (N,), and distance along the ground [m], (N,).
    """
    stamps = recording.walking()
    length = round(PIECE_S * robot.control_rate_hz)
    places = np.array([recording.position[stamp][:2] for stamp in stamps])[::length]
    times = 1e-9 * (np.array(stamps)[::length] - stamps[0])
    return times[1:], np.linalg.norm(np.diff(places, axis=0), axis=1)


def swap_times(recording: Recording) -> list[float]:
    """Return when another model began to plan [s] since the start of the walk."""
    start = recording.walking()[0]
    ticks = [(stamp, tick['model_identity']) for stamp, tick in sorted(recording.planner.items())]
    return [
        1e-9 * (stamp - start) for (_, before), (stamp, now) in pairwise(ticks) if now != before
    ]


def plot_demo(
    learning: Recording,
    robot: Robot,
    speed: float,
    reports: tuple[Report, Report],
    errors: list[BagEvaluation],
    path: Path,
) -> None:
    """Draw the figure.

    Args:
        learning: The walk in which it learned.
        robot: That walked.
        speed: That was asked for [m/s].
        reports: Of the walk before and of the same after.
        errors: Of the model before and after, on the walk before.
        path: PNG to write.
    """
    matplotlib.use('Agg')
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4.5), layout='constrained')
    times, progress = progress_series(learning, robot)
    left.plot(times / 60.0, progress, 'o-', color='tab:blue', label='while it learns and tries')
    for number, time in enumerate(swap_times(learning)):
        label = 'an adapted model takes over' if number == 0 else None
        left.axvline(time / 60.0, color='tab:grey', linestyle=':', label=label)
    end = times[-1] / 60.0
    for place, report, name, color in (
        (0.0, reports[0], 'before', 'tab:red'),
        (end, reports[1], 'after', 'tab:green'),
    ):
        rate = report.distance_m / report.duration_s
        left.plot(place, PIECE_S * rate, 's', color=color, markersize=9, label=name)
    left.axhline(PIECE_S * speed, color='black', linestyle='--', label='asked for')
    left.set(
        xlabel='minutes of data',
        ylabel=f'progress in {PIECE_S:g} s [m]',
        ylim=(0.0, 1.2 * PIECE_S * speed),
    )
    left.legend(fontsize='small')
    steps = np.arange(1, len(errors[0].slip_error) + 1)
    for evaluation, name, color in zip(
        errors, ('before', 'after'), ('tab:red', 'tab:green'), strict=True
    ):
        right.plot(steps, evaluation.slip_error, color=color, label=name)
    right.set(
        xlabel='steps ahead',
        ylabel='latent error / variance',
        yscale='log',
        title='What is foretold along slips of the first walk',
    )
    right.legend()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
