"""The figure of the demonstration: the walks before and after, and the learning between."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from simdist_ros.adaptation.evaluate import BagEvaluation
from simdist_ros.bringup.demo_rivals import RivalWalk, distance_ahead
from simdist_ros.embodiment.robot import Robot
from simdist_ros.evaluation.plot import in_start_frame, legend_above
from simdist_ros.evaluation.recording import Recording
from simdist_ros.evaluation.report import velocity_series

__all__ = ['draw_demo', 'plot_demo', 'progress_series', 'swap_times']

Array = NDArray[np.floating[Any]]

PIECE_S = 10.0
NAMES = (('before', 'tab:red'), ('after', 'tab:green'))
RIVALS = ('tab:orange', 'tab:purple')


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
    walks: tuple[Recording, ...],
    rivals: list[RivalWalk],
    learning: Recording,
    robot: Robot,
    speeds: tuple[float, float],
    errors: list[BagEvaluation],
    path: Path,
) -> None:
    """Write the figure of `draw_demo` as a PNG to a path."""
    draw_demo(walks, rivals, learning, robot, speeds, errors).savefig(path, dpi=110)


def draw_demo(
    walks: tuple[Recording, ...],
    rivals: list[RivalWalk],
    learning: Recording,
    robot: Robot,
    speeds: tuple[float, float],
    errors: list[BagEvaluation],
) -> Figure:
    """Compare the walks before and after, with the one between them in which it learned.

    Args:
        walks: The walk before and the same after.
        rivals: The same walk without a planner.
        learning: The walk in which it learned.
        robot: That walked.
        speeds: That were asked for, in the walks and while learning [m/s].
        errors: Of the model before and after, on the walk before.
    """
    figure = Figure(figsize=(12.0, 7.5), layout='constrained')
    (ahead, velocity), (progress, error) = figure.subplots(2, 2)
    draw_distance(ahead, walks, rivals, speeds[0])
    draw_velocity(velocity, walks, robot, speeds[0])
    draw_progress(progress, learning, robot, speeds[1])
    draw_errors(error, errors)
    for axes in figure.axes:
        legend_above(axes)
    return figure


def draw_distance(
    axes: Axes, walks: tuple[Recording, ...], rivals: list[RivalWalk], speed: float
) -> None:
    """Draw how far ahead each of the walks came; a cross is a fall."""
    longest = 0.0
    for recording, (name, colour) in zip(walks, NAMES, strict=True):
        stamps = recording.walking()
        times = 1e-9 * (np.array(stamps) - stamps[0])
        axes.plot(times, in_start_frame(recording, stamps)[:, 0], color=colour, label=name)
        longest = max(longest, float(times[-1]))
    for rival, colour in zip(rivals, RIVALS, strict=False):
        times, ahead = rival.poses[:, 0] - rival.poses[0, 0], distance_ahead(rival.poses)
        axes.plot(times, ahead, color=colour, linestyle='-.', label=rival.name)
        if rival.result.fell:
            axes.plot(times[-1], ahead[-1], 'x', color=colour)
    axes.plot((0.0, longest), (0.0, speed * longest), color='black', linestyle='--', label='asked')
    axes.set(xlabel='time [s]', ylabel='ahead [m]')
    axes.set_title('Distance', loc='left')


def draw_velocity(axes: Axes, walks: tuple[Recording, ...], robot: Robot, speed: float) -> None:
    """Draw the forward velocity of each of the two walks."""
    for recording, (name, colour) in zip(walks, NAMES, strict=True):
        times, velocity, _ = velocity_series(recording, robot)
        axes.plot(times, velocity[:, 0], color=colour, label=name)
    axes.axhline(speed, color='black', linestyle='--', label='asked')
    axes.set(xlabel='time [s]', ylabel='mean of a gait period [m/s]', ylim=(0.0, None))
    axes.set_title('Forward velocity', loc='left')


def draw_progress(axes: Axes, learning: Recording, robot: Robot, speed: float) -> None:
    """Draw the progress of the walk in which it learned, and when models were exchanged."""
    times, progress = progress_series(learning, robot)
    axes.plot(times / 60.0, progress, 'o-', color='tab:blue', label='progress')
    for number, time in enumerate(swap_times(learning)):
        label = 'an adapted model takes over' if number == 0 else None
        axes.axvline(time / 60.0, color='tab:grey', linestyle=':', label=label)
    axes.axhline(PIECE_S * speed, color='black', linestyle='--', label='asked')
    axes.set(
        xlabel='robot time [min]',
        ylabel=f'progress in {PIECE_S:g} s [m]',
        ylim=(0.0, 1.2 * PIECE_S * speed),
    )
    axes.set_title('Learning', loc='left')


def draw_errors(axes: Axes, errors: list[BagEvaluation]) -> None:
    """Draw what the model before and the one after predict of the first walk's slips."""
    steps = np.arange(1, len(errors[0].slip_error) + 1)
    for evaluation, (name, colour) in zip(errors, NAMES, strict=True):
        axes.plot(steps, evaluation.slip_error, color=colour, label=name)
    axes.set(xlabel='steps ahead', ylabel='latent error / variance', yscale='log')
    axes.set_title('Prediction error during slips of the first walk', loc='left')
