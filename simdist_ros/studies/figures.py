"""Two figures for each world: how each method walks, and how well each model predicts."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

from simdist_ros.evaluation.intervals import Interval
from simdist_ros.evaluation.settings import NONE
from simdist_ros.studies.methods import CEILING, PARTS
from simdist_ros.studies.summary import ModelRow
from simdist_ros.studies.tables import Words, speed_name
from simdist_ros.studies.walk_summary import WalkRow

__all__ = ['draw_predictions', 'draw_walks']

FEWEST_WITH_BARS = 3  # seeds
BESIDE = 0.006  # of the width: how far points of equal minutes stand beside each other
RIVAL, CONTROL = 'tab:orange', 'tab:gray'
COLORS = {
    NONE: 'black',
    'dynamics': 'tab:blue',
    'residual': 'tab:green',
    'all': 'tab:purple',
    'policy': 'tab:red',
    **dict.fromkeys(PARTS, 'tab:olive'),
}


@contextmanager
def figure_of(path: Path, rows: int, columns: int, size: tuple[float, float]) -> Iterator[Any]:
    """Give figure and axes, (rows, columns), and write them to a path, whole or not at all."""
    matplotlib.use('Agg')
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(
        rows, columns, figsize=size, layout='constrained', squeeze=False
    )
    yield figure, axes
    partial = path.with_name(f'.{path.stem}.partial.png')
    figure.savefig(partial, dpi=100)
    partial.replace(path)
    pyplot.close(figure)


def draw_walks(
    world: str, walks: Mapping[float, Sequence[WalkRow]], words: Words, path: Path
) -> None:
    """Draw progress, error and reward of each method, and its falls; a line of panels a speed.

    Points are means with 95 % intervals: rivals as diamonds, the unadapted planner as a square,
    adapted ones as circles, their controls hollow. The ceiling is a dashed line.
    """
    panels: list[tuple[str, Callable[[WalkRow], Interval]]] = [
        ('progress [m]', lambda row: row.progress_m),
        (words.error, lambda row: row.command_error),
        ('reward [1/s]', lambda row: row.reward_per_s),
    ]
    most = max(len(rows) for rows in walks.values())
    height = len(walks) * (1.0 + 0.24 * most)
    with figure_of(path, len(walks), len(panels), (13.0, height)) as (figure, axes):
        figure.suptitle(world)
        for line, (speed, rows) in zip(axes, walks.items(), strict=True):
            shown = [row for row in rows if row.cell.method != CEILING]
            for panel, (label, value) in zip(line, panels, strict=True):
                draw_points(panel, shown, value)
                draw_ceiling(panel, rows, value)
                panel.set_xlabel(label)
            line[0].set_yticks(range(len(shown)), [name_of(row) for row in shown])
            line[0].axvline(shown[0].line_m, color='grey', linestyle=':', label='success line')
            line[0].set_title(speed_name(speed), loc='left')
            if words.can_fail:
                draw_falls(line[-1], shown)
            line[0].legend(fontsize='x-small')


def name_of(row: WalkRow) -> str:
    """Return a method with its data."""
    return f'{row.cell.name}, {row.cell.minutes:g} min' if row.cell.source else row.cell.name


def draw_points(axes: Any, rows: Sequence[WalkRow], value: Callable[[WalkRow], Interval]) -> None:
    """Draw a point with its interval for each row, the first on top."""
    for place, row in enumerate(rows):
        found, cell = value(row), row.cell
        if math.isnan(found.mean):
            continue
        color = RIVAL if cell.is_rival else COLORS[cell.method]
        bar = bars(row.seeds, found)
        axes.errorbar(
            found.mean,
            place,
            xerr=np.array([bar]).T,
            color=color,
            marker='D' if cell.is_rival else 's' if cell.method == NONE else 'o',
            markersize=5,
            markerfacecolor='none' if cell.is_control else color,
            capsize=3,
        )
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_yticks(range(len(rows)), [''] * len(rows))
    axes.grid(alpha=0.3)


def draw_ceiling(axes: Any, rows: Sequence[WalkRow], value: Callable[[WalkRow], Interval]) -> None:
    """Draw the ceiling as a line, its interval as a band; nothing where there is none."""
    for row in rows:
        if row.cell.method == CEILING and not math.isnan(value(row).mean):
            found = value(row)
            axes.axvline(found.mean, color='tab:cyan', linestyle='--', label=CEILING)
            below, above = bars(row.seeds, found)
            axes.axvspan(found.mean - below, found.mean + above, color='tab:cyan', alpha=0.12)


def draw_falls(axes: Any, rows: Sequence[WalkRow]) -> None:
    """Write how many walks fell beside each row; red where any did."""
    beside = axes.secondary_yaxis('right')
    beside.set_yticks(range(len(rows)), [f'{row.falls} of {row.walks} fell' for row in rows])
    for label, row in zip(beside.get_yticklabels(), rows, strict=True):
        label.set_color('tab:red' if row.falls else 'black')


def draw_predictions(world: str, rows: Sequence[ModelRow], path: Path) -> None:
    """Draw how well the models judged in a world predict.

    Left: held-out error against minutes; where residual and dynamics cross. Right: error along
    slips against the steps ahead, with the largest amount of data.
    """
    with figure_of(path, 1, 2, (9.0, 4.0)) as (figure, axes):
        figure.suptitle(world)
        draw_errors(axes[0, 0], rows)
        draw_slips(axes[0, 1], rows)
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc='outside lower center', ncols=4, fontsize='small')


def draw_errors(axes: Any, rows: Sequence[ModelRow]) -> None:
    """Draw one line for each method and each control, with bars for the intervals.

    Where the points have not as many seeds, the line is dotted.
    """
    lines: dict[str, list[ModelRow]] = {}
    for row in rows:
        lines.setdefault(row.cell.name, []).append(row)
    widest = max(row.cell.minutes for row in rows)
    for number, (label, points) in enumerate(lines.items()):
        cell = points[0].cell
        if not cell.source:
            draw_unadapted(axes, points[0])
            continue
        style = '--' if cell.is_control else '-'
        if len({row.seeds for row in points}) > 1:
            style = ':'
        aside = BESIDE * widest * (number - len(lines) / 2)
        axes.errorbar(
            [row.cell.minutes + aside for row in points],
            [row.error_mean.mean for row in points],
            yerr=np.array([bars(row.seeds, row.error_mean) for row in points]).T,
            color=COLORS[cell.method],
            linestyle=style,
            marker='s' if cell.is_control else 'o',
            markerfacecolor='none' if cell.is_control else None,
            capsize=3,
            label=label,
        )
    axes.set(xlabel='data [min]', ylabel='held-out latent error / variance', yscale='log')
    axes.set_xlim(left=0.0)


def draw_unadapted(axes: Any, row: ModelRow) -> None:
    """Draw the model as it came, with its interval."""
    value = row.error_mean
    axes.axhline(value.mean, color=COLORS[NONE], linestyle='--', label=NONE)
    below, above = bars(row.seeds, value)
    axes.axhspan(value.mean - below, value.mean + above, color=COLORS[NONE], alpha=0.1, lw=0)


def bars(seeds: int, value: Interval) -> tuple[float, float]:
    """Return how far an interval reaches; that of two seeds says next to nothing."""
    if seeds < FEWEST_WITH_BARS or not math.isfinite(value.high):
        return 0.0, 0.0
    return value.mean - value.low, value.high - value.mean


def largest_amounts(rows: Sequence[ModelRow]) -> list[ModelRow]:
    """Return the row with most data of each method and control.

    Where a method has controls, that is the largest amount of data that has one.
    """
    controlled = {(row.cell.method, row.cell.minutes) for row in rows if row.cell.is_control}
    methods = {method for method, _ in controlled}
    largest: dict[str, ModelRow] = {}
    for row in sorted(rows, key=lambda row: row.cell.minutes):
        cell = row.cell
        if cell.method not in methods or (cell.method, cell.minutes) in controlled:
            largest[cell.name] = row
    return list(largest.values())


def draw_slips(axes: Any, rows: Sequence[ModelRow]) -> None:
    """Draw the error during slips against steps ahead, each with its largest amount of data."""
    for row in largest_amounts(rows):
        axes.plot(
            range(1, len(row.slip_error) + 1),
            row.slip_error,
            color=COLORS[row.cell.method],
            linestyle='--' if row.cell.is_control or row.cell.method == NONE else '-',
        )
    axes.set(xlabel='steps ahead', ylabel='latent error during slips / variance', yscale='log')
