"""The benchmark in words and tables, Markdown."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from simdist_ros.evaluation.intervals import Interval
from simdist_ros.studies.settings import NOMINAL
from simdist_ros.studies.summary import Crossing, Row, Summary
from simdist_ros.studies.tasks import NONE

__all__ = ['report_lines']

SHOWN_STEPS = 5


def report_lines(
    summary: Summary, worlds: Sequence[str], about: Mapping[str, Any], settings: Mapping[str, Any]
) -> list[str]:
    """Return the lines of ``report.md``.

    Args:
        summary: What was found.
        worlds: Names of the worlds, in the order to be shown.
        about: Command, model and machine, by name.
        settings: Value by section and setting.
    """
    lines = ['# Adaptation', '', *(f'- {name}: {value}' for name, value in about.items()), '']
    lines += ['Intervals are 95 % over seeds. Progress: metres along the ground in the direction ']
    lines[-1] += (
        'asked for, until a fall, at most up to the success line, which is speed times time. '
        'Gap closed: of the way from the unadapted model to that line. '
        'Against control: progress beyond that of the same method with as much nominal data, on '
        'the same seeds.'
    )
    for world in worlds:
        if rows := summary.of(world):
            lines += ['', f'## {world}', '', *progress_table(rows), '']
            lines += [f'![progress and errors]({world}.png)', '']
            lines += error_table([row for row in rows if not row.cell.is_rival])
            lines += ['', *crossing_lines([c for c in summary.crossings if c.world == world])]
    if rows := summary.of(NOMINAL):
        lines += ['', '## Nominal ground, after adapting elsewhere', '', *forgetting_table(rows)]
    lines += ['', '## Sizes', '', *size_lines(settings), '']
    return lines


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a table."""
    lines = ['| ' + ' | '.join(head) + ' |', '|' + '---|' * len(head)]
    return lines + ['| ' + ' | '.join(row) + ' |' for row in rows]


def progress_table(rows: Sequence[Row]) -> list[str]:
    """Return how far each model walked."""
    head = ['method', 'data [min]', 'seeds', f'progress of {rows[0].line_m:.2f} [m]', 'falls']
    head += [
        'tracking error [m/s]',
        'reward [1/s]',
        'gap closed',
        'against control [m]',
        'accepted by the gate',
        'finetuning',
    ]
    return table(
        head,
        [
            [
                row.cell.label,
                f'{row.cell.minutes:g}',
                str(row.seeds),
                shown(row.progress_m, 2),
                f'{row.falls} of {row.walks}',
                shown(row.tracking_error_mps, 3),
                shown(row.reward_per_s, 3),
                '' if row.cell.method == NONE else percent(row.gap_closed),
                shown(row.over_control_m, 2, '+'),
                f'{row.accepted} of {row.seeds}' if row.cell.source else '',
                ''
                if not row.cell.source
                else f'{row.num_steps:.0f} steps, {row.finetune_s:.0f} s',
            ]
            for row in rows
        ],
    )


def error_table(rows: Sequence[Row]) -> list[str]:
    """Return the held-out errors of the predicted latents."""
    horizon = len(rows[0].error)
    steps = np.unique(np.linspace(1, horizon, min(horizon, SHOWN_STEPS)).round().astype(int))
    head = ['method', 'data [min]', *(f'{step} ahead' for step in steps), 'mean']
    head += ['smallest factor', 'during slips, mean', 'smallest factor']
    note = (
        'Held-out squared error of predicted latents over their variance, on walks of the '
        'unadapted model with a seed that is in no training data. Slips: the quarter of the '
        'windows with the largest tracking error. "Smallest factor": by which the error fell, at '
        'the step ahead where it fell least.'
    )
    cells = [
        [
            row.cell.label,
            f'{row.cell.minutes:g}',
            *(f'{row.error[step - 1]:.4f}' for step in steps),
            shown(row.error_mean, 4),
            f'{row.error_factor:.2f} x',
            f'{np.nanmean(row.slip_error):.4f}',
            f'{row.slip_factor:.2f} x',
        ]
        for row in rows
    ]
    return [note, '', *table(head, cells)]


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


def forgetting_table(rows: Sequence[Row]) -> list[str]:
    """Return how far each model still walks on nominal ground."""
    base = next((row.progress_m.mean for row in rows if row.cell.method == NONE), math.nan)
    return table(
        ['method', 'adapted to', 'data [min]', 'seeds', 'progress [m]', 'falls', 'change'],
        [
            [
                row.cell.method,
                row.cell.source,
                f'{row.cell.minutes:g}',
                str(row.seeds),
                shown(row.progress_m, 2),
                f'{row.falls} of {row.walks}',
                '' if row.cell.method == NONE else percent(row.gain_m, base, '+'),
            ]
            for row in rows
        ],
    )


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
