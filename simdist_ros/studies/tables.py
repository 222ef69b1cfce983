"""The benchmark in words and tables, Markdown."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from simdist_ros.evaluation.intervals import Interval
from simdist_ros.evaluation.settings import NONE
from simdist_ros.studies.settings import NOMINAL
from simdist_ros.studies.summary import Crossing, ModelRow, Summary
from simdist_ros.studies.walk_summary import WalkRow

__all__ = ['Words', 'prediction_figure', 'report_lines', 'speed_name', 'walk_figure']

SHOWN_STEPS = 5


@dataclass(frozen=True, kw_only=True)
class Words:
    """What a task's figures are called.

    Attributes:
        progress_is: What progress means, see `Task`.
        error_unit: Of the distance from the command as names have it, see `Task`.
        unit: The same as readers know it.
        can_fail: Whether there are falls to tell of.
        no_ceiling: Why a world has no ceiling, by its name.
    """

    progress_is: str
    error_unit: str
    unit: str
    can_fail: bool = True
    no_ceiling: Mapping[str, str] = field(default_factory=dict)

    @property
    def error(self) -> str:
        """Head of the column of the distance from the command."""
        return f'tracking error [{self.unit}]'


def walk_figure(world: str) -> str:
    """Return the file name of the figure of a world's walks."""
    return f'{world}.png'


def prediction_figure(world: str) -> str:
    """Return the file name of the figure of a world's prediction errors."""
    return f'{world}_prediction.png'


def speed_name(speed: float) -> str:
    """Return how a speed is called; empty for a task without speeds."""
    return f'{speed:g} m/s' if speed else ''


def report_lines(
    summary: Summary,
    worlds: Sequence[str],
    about: Mapping[str, Any],
    settings: Mapping[str, Any],
    words: Words,
) -> list[str]:
    """Return the lines of ``report.md``.

    Args:
        summary: What was found.
        worlds: Names of the worlds, in the order to be shown.
        about: Command, model and machine, by name.
        settings: Value by section and setting.
        words: Of the task.
    """
    lines = ['# Adaptation', '', *(f'- {name}: {value}' for name, value in about.items()), '']
    lines.append(
        f'Intervals are 95 % over seeds. Progress: {words.progress_is}; it is not capped at that '
        'line, so read it beside the error. Reward: that of training, of one second; nothing is '
        'earned after a fall. Gap closed: of the way from the unadapted planner `none` to the '
        'success line, beyond which progress does not count here. Way to the ceiling: of the '
        'reward that `ceiling`, the expert trained on in that world, earns beyond `none`. Against '
        'control: progress up to the line beyond that of the same method with as much nominal '
        'data. Against the best rival: reward beyond that of the rival with the largest mean. '
        'All comparisons are on the same seeds.'
    )
    for world in worlds:
        walks = summary.walks_in(world)
        if not walks:
            continue
        lines += ['', f'## {world}']
        for speed, rows in walks.items():
            lines += ['', f'### {speed_name(speed)}'] if speed else []
            lines += ['', *walk_table(rows, words), '', *walk_notes(rows, world, words)]
        lines += ['', f'![falls, progress, error and reward]({walk_figure(world)})', '']
        if models := summary.models_in(world):
            lines += [*error_table(models), '']
            lines += [f'![prediction errors]({prediction_figure(world)})', '']
        lines += crossing_lines([c for c in summary.crossings if c.world == world])
    for speed, rows in summary.walks_in(NOMINAL).items():
        name = f' {speed_name(speed)},' if speed else ''
        lines += ['', f'## Nominal ground,{name} after adapting elsewhere', '']
        lines += forgetting_table(rows, words)
    lines += ['', '## Sizes', '', *size_lines(settings), '']
    return lines


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a table."""
    lines = ['| ' + ' | '.join(head) + ' |', '|' + '---|' * len(head)]
    return lines + ['| ' + ' | '.join(row) + ' |' for row in rows]


def walk_table(rows: Sequence[WalkRow], words: Words) -> list[str]:
    """Return how each model walked at one speed; a column that says nothing is left out."""
    columns: dict[str, list[str]] = {
        'method': [f'`{row.cell.name}`' for row in rows],
        'data [min]': [f'{row.cell.minutes:g}' for row in rows],
        'seeds': [str(row.seeds) for row in rows],
        f'progress of {rows[0].line_m:.2f} [m]': [shown(row.progress_m, 2) for row in rows],
        'falls': [falls(row, words) for row in rows],
        'falls while learning': [falls_before(row, words) for row in rows],
        'success': [success(row) for row in rows],
        words.error: [shown(row.command_error, 3) for row in rows],
        'reward [1/s]': [shown(row.reward_per_s, 3) for row in rows],
        'gap closed': [beside_none(row, percent(row.gap_closed)) for row in rows],
        'way to the ceiling': [beside_none(row, percent(row.way_to_ceiling)) for row in rows],
        'against control [m]': [shown(row.over_control_m, 2, '+') for row in rows],
        'reward against the best rival': [shown(row.over_rival, 3, '+') for row in rows],
    }
    said = {head: cells for head, cells in columns.items() if any(cells)}
    return table(list(said), list(zip(*said.values(), strict=True)))


def falls(row: WalkRow, words: Words) -> str:
    """Return how many walks fell; nothing for what cannot fall."""
    return f'{row.falls} of {row.walks}' if words.can_fail else ''


def falls_before(row: WalkRow, words: Words) -> str:
    """Return how often a seed fell for its data, mean; nothing where that is not known."""
    found = row.falls_while_learning
    return '' if math.isnan(found) or not words.can_fail else f'{found:.1f} a seed'


def success(row: WalkRow) -> str:
    """Return how many walks succeeded; nothing for a task without an end."""
    return '' if row.successes is None else f'{row.successes} of {row.walks}'


def beside_none(row: WalkRow, text: str) -> str:
    """Return a share of what the unadapted planner lacks; nothing for itself."""
    return '' if row.cell.name == NONE else text


def walk_notes(rows: Sequence[WalkRow], world: str, words: Words) -> list[str]:
    """Say which rival is the best, and why there is no ceiling."""
    notes = [f'Best rival by reward: `{name}`.' for name in {row.rival for row in rows} if name]
    if world in words.no_ceiling:
        notes.append(f'No row `ceiling`: {words.no_ceiling[world]}.')
    return [' '.join(notes)] if notes else []


def error_table(rows: Sequence[ModelRow]) -> list[str]:
    """Return the held-out errors of the predicted latents, and how each model was made."""
    horizon = len(rows[0].error)
    steps = np.unique(np.linspace(1, horizon, min(horizon, SHOWN_STEPS)).round().astype(int))
    head = ['method', 'data [min]', *(f'{step} ahead' for step in steps), 'mean']
    head += ['smallest factor', 'during slips, mean', 'smallest factor']
    head += ['accepted by the gate', 'finetuning']
    note = (
        'Held-out squared error of predicted latents over their variance, on walks of the '
        'unadapted model with a seed that is in no training data. Slips: the quarter of the '
        'windows with the largest tracking error. "Smallest factor": by which the error fell, at '
        'the step ahead where it fell least.'
    )
    cells = [
        [
            f'`{row.cell.name}`',
            f'{row.cell.minutes:g}',
            *(f'{row.error[step - 1]:.4f}' for step in steps),
            shown(row.error_mean, 4),
            factor(row.error_factor),
            f'{np.nanmean(row.slip_error):.4f}',
            factor(row.slip_factor),
            f'{row.accepted} of {row.seeds}' if row.cell.source else '',
            f'{row.num_steps:.0f} steps, {row.finetune_s:.0f} s' if row.cell.source else '',
        ]
        for row in rows
    ]
    return [note, '', *table(head, cells)]


def factor(found: float) -> str:
    """Return by how much an error fell; nothing where there is nothing to compare with."""
    return '' if math.isnan(found) else f'{found:.2f} x'


def crossing_lines(found: Sequence[Crossing]) -> list[str]:
    """Say with how much data which of residual and dynamics predicts better."""
    lines = []
    for one in found:
        better = 'residual' if one.factor.mean < 1.0 else 'dynamics'
        lines.append(
            f'- {one.minutes:g} min, seeds: {one.seeds}; error of `residual` over that of '
            f'`dynamics` {shown(one.factor, 3)}; {better} predicts better'
            f'{"" if is_sure(one) else ", not significant"}.'
        )
    for before, after in itertools.pairwise(found):
        if (before.factor.mean < 1.0) != (after.factor.mean < 1.0):
            doubt = '' if is_sure(before) and is_sure(after) else ', it seems'
            lines.append(
                f'- They cross between {before.minutes:g} and {after.minutes:g} min{doubt}.'
            )
    return lines


def is_sure(one: Crossing) -> bool:
    """Tell whether the interval leaves no doubt which one predicts better."""
    return one.factor.high < 1.0 or one.factor.low > 1.0


def forgetting_table(rows: Sequence[WalkRow], words: Words) -> list[str]:
    """Return how each model still walks on nominal ground at one speed."""
    unadapted = [row for row in rows if row.cell.method == NONE]
    progress = unadapted[0].progress_m.mean if unadapted else math.nan
    reward = unadapted[0].reward_per_s.mean if unadapted else math.nan
    columns: dict[str, list[str]] = {
        'method': [f'`{row.cell.name}`' for row in rows],
        'adapted to': [row.cell.source for row in rows],
        'data [min]': [f'{row.cell.minutes:g}' for row in rows],
        'seeds': [str(row.seeds) for row in rows],
        'progress [m]': [shown(row.progress_m, 2) for row in rows],
        'change': [beside_none(row, percent(row.gain_m, progress, '+')) for row in rows],
        'falls': [falls(row, words) for row in rows],
        'success': [success(row) for row in rows],
        words.error: [shown(row.command_error, 3) for row in rows],
        'reward [1/s]': [shown(row.reward_per_s, 3) for row in rows],
        'its change': [beside_none(row, percent(row.reward_gain, reward, '+')) for row in rows],
    }
    said = {head: cells for head, cells in columns.items() if any(cells)}
    return table(list(said), list(zip(*said.values(), strict=True)))


def size_lines(settings: Mapping[str, Any]) -> list[str]:
    """Return all settings, a line for each section."""
    return [
        f'- {section}: ' + ', '.join(f'{name} {plain(value)}' for name, value in values.items())
        for section, values in settings.items()
    ]


def plain(value: Any) -> str:
    """Return a setting's value as it is typed."""
    if not isinstance(value, tuple):
        return str(value)
    return ','.join(item if isinstance(item, str) else f'{item:g}' for item in value)


def shown(found: Interval, digits: int, sign: str = '') -> str:
    """Return a mean with its interval; nothing where it is not known."""
    if math.isnan(found.mean):
        return ''
    mean = f'{found.mean:{sign}.{digits}f}'
    if not math.isfinite(found.high):
        return mean
    return f'{mean} ({found.low:{sign}.{digits}f} .. {found.high:{sign}.{digits}f})'


def percent(found: Interval, whole: float = 1.0, sign: str = '') -> str:
    """Return an interval as a share of a whole in percent."""
    share = Interval(*(100.0 * x / whole for x in (found.mean, found.low, found.high)))
    text = shown(share, 0 if abs(share.mean) >= 10.0 else 1, sign)
    return f'{text} %' if text else ''
