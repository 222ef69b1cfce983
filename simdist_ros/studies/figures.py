"""A figure for each world: progress and prediction error against minutes of data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

from simdist_ros.evaluation.intervals import Interval
from simdist_ros.studies.summary import Row
from simdist_ros.studies.tasks import NONE

__all__ = ['draw_world']

FEWEST_WITH_BARS = 3  # seeds
BESIDE = 0.006  # of the width: how far points of equal minutes stand beside each other
COLORS = {
    NONE: 'black',
    'dynamics': 'tab:blue',
    'residual': 'tab:orange',
    'all': 'tab:green',
    'policy': 'tab:red',
    'policy_pi': 'tab:brown',
    'expert': 'tab:purple',
    'expert_pi': 'tab:pink',
}


def draw_world(world: str, rows: Sequence[Row], path: Path) -> None:
    """Draw the models judged in a world.

    Left: progress against minutes of data, with the success line and the unadapted model.
    Middle: held-out error against minutes; where residual and dynamics cross. Right: error along
    slips against the steps ahead, with the largest amount of data.
    """
    matplotlib.use('Agg')
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 3, figsize=(13, 4), layout='constrained')
    figure.suptitle(world)
    draw_progress(axes[0], rows)
    draw_errors(axes[1], rows)
    draw_slips(axes[2], rows)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc='outside lower center', ncols=5, fontsize='small')
    partial = path.with_name(f'.{path.stem}.partial.png')
    figure.savefig(partial, dpi=100)
    partial.replace(path)
    pyplot.close(figure)


def draw_progress(axes: Any, rows: Sequence[Row]) -> None:
    """Draw progress against minutes."""
    axes.axhline(rows[0].line_m, color='grey', linestyle=':', label='success line')
    draw_lines(axes, rows, [row.progress_m for row in rows])
    axes.set(xlabel='data [min]', ylabel='progress [m]')
    axes.set_xlim(left=0.0)
    axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))


def draw_errors(axes: Any, rows: Sequence[Row]) -> None:
    """Draw the held-out error against minutes."""
    rows = [row for row in rows if not row.cell.is_rival]
    draw_lines(axes, rows, [row.error_mean for row in rows])
    axes.set(xlabel='data [min]', ylabel='held-out latent error / variance', yscale='log')
    axes.set_xlim(left=0.0)


def draw_lines(axes: Any, rows: Sequence[Row], values: Sequence[Interval]) -> None:
    """Draw one line for each method and each control, with bars for the intervals.

    Where the points have not as many seeds, the line is dotted.
    """
    lines: dict[str, list[tuple[Row, Interval]]] = {}
    for row, value in zip(rows, values, strict=True):
        lines.setdefault(row.cell.label, []).append((row, value))
    widest = max(row.cell.minutes for row in rows)
    for number, (label, points) in enumerate(lines.items()):
        cell = points[0][0].cell
        if not cell.source:
            draw_unadapted(axes, cell.method, points[0][1])
            continue
        style = '--' if cell.is_control else '-'
        if len({row.seeds for row, _ in points}) > 1:
            style = ':'
        aside = BESIDE * widest * (number - len(lines) / 2)
        axes.errorbar(
            [row.cell.minutes + aside for row, _ in points],
            [value.mean for _, value in points],
            yerr=np.array([bars(row, value) for row, value in points]).T,
            color=COLORS[cell.method],
            linestyle=style,
            marker='s' if cell.is_control else 'o',
            markerfacecolor='none' if cell.is_control else None,
            capsize=3,
            label=label,
        )


def draw_unadapted(axes: Any, method: str, value: Interval) -> None:
    """Draw what needs no data; the model as it came with its interval."""
    style = '--' if method == NONE else '-.'
    axes.axhline(value.mean, color=COLORS[method], linestyle=style, label=method)
    if method != NONE:
        return
    below, above = half_widths(value)
    axes.axhspan(value.mean - below, value.mean + above, color=COLORS[NONE], alpha=0.1, lw=0)


def bars(row: Row, value: Interval) -> tuple[float, float]:
    """Return how far an interval reaches; that of two seeds says next to nothing."""
    return half_widths(value) if row.seeds >= FEWEST_WITH_BARS else (0.0, 0.0)


def half_widths(value: Interval) -> tuple[float, float]:
    """Return how far an interval reaches below and above its mean; nothing for a single seed."""
    if not (math.isfinite(value.low) and math.isfinite(value.high)):
        return 0.0, 0.0
    return value.mean - value.low, value.high - value.mean


def largest_amounts(rows: Sequence[Row]) -> list[Row]:
    """Return the row with most data of each method and control.

    Where a method has controls, that is the largest amount of data that has one.
    """
    controlled = {(row.cell.method, row.cell.minutes) for row in rows if row.cell.is_control}
    methods = {method for method, _ in controlled}
    largest: dict[str, Row] = {}
    for row in sorted(rows, key=lambda row: row.cell.minutes):
        cell = row.cell
        if cell.is_rival:
            continue
        if cell.method not in methods or (cell.method, cell.minutes) in controlled:
            largest[cell.label] = row
    return list(largest.values())


def draw_slips(axes: Any, rows: Sequence[Row]) -> None:
    """Draw the error during slips against steps ahead, each with its largest amount of data."""
    for row in largest_amounts(rows):
        axes.plot(
            range(1, len(row.slip_error) + 1),
            row.slip_error,
            color=COLORS[row.cell.method],
            linestyle='--' if row.cell.is_control or row.cell.method == NONE else '-',
        )
    axes.set(xlabel='steps ahead', ylabel='latent error during slips / variance', yscale='log')
