"""Run benchmarks by name, or all: ``python -m benchmarks [NAME ...]``; JSON and a table."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import (
    faulty_walks,
    finetune,
    gate,
    plan_quality,
    planner_latency,
    precision,
    pretraining,
    ranking,
    realtime,
    rivals,
    round_trip,
    stopping,
    turnaround,
    walking,
)
from benchmarks.machine import machine
from simdist_ros.core.errors import SimdistError, unknown_name

BENCHMARKS = {
    'faulty_walks': faulty_walks.measure,
    'finetune': finetune.measure,
    'gate': gate.measure,
    'plan_quality': plan_quality.measure,
    'planner_latency': planner_latency.measure,
    'precision': precision.measure,
    'pretraining': pretraining.measure,
    'ranking': ranking.measure,
    'realtime': realtime.measure,
    'rivals': rivals.measure,
    'round_trip': round_trip.measure,
    'stopping': stopping.measure,
    'turnaround': turnaround.measure,
    'walking': walking.measure,
}


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Return rows as a Markdown table; lists are for the JSON alone."""
    names = [name for name, value in rows[0].items() if not isinstance(value, list)]
    lines = ['| ' + ' | '.join(names) + ' |', '|' + '---|' * len(names)]
    lines += ['| ' + ' | '.join(cell(row[name]) for name in names) + ' |' for row in rows]
    return '\n'.join(lines)


def cell(value: Any) -> str:
    """Return a value as a table shows it; a mapping holds shares of a whole."""
    if isinstance(value, dict):
        return ', '.join(f'{name} {share:.0%}' for name, share in value.items())
    return str(value)


def size(text: str) -> tuple[int, int]:
    """Parse samples and iterations, e.g. ``32x2``."""
    samples, iterations = text.split('x')
    return int(samples), int(iterations)


def main() -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(prog='python -m benchmarks', description=__doc__)
    parser.add_argument('names', nargs='*', metavar='NAME', help=', '.join(BENCHMARKS))
    parser.add_argument('--model', default='go2', help='Name or folder of a model.')
    parser.add_argument('--world', default='nominal', help='World.')
    parser.add_argument(
        '--seeds',
        type=int,
        default=5,
        help='Seeds of `walking`, `gate` and `rivals`, states of `ranking`, walks of '
        '`faulty_walks`.',
    )
    parser.add_argument(
        '--seconds',
        type=float,
        help='Length of `realtime` (60), of a walk of `rivals` (10), of a measurement of '
        '`pretraining` (10), and of the walk that `turnaround` learns from (300).',
    )
    parser.add_argument(
        '--delays',
        nargs='+',
        type=int,
        default=[0],
        metavar='STEPS',
        help='`rivals`: steps until a plan begins (`mppi.plan_delay_steps`); 1 is as in realtime.',
    )
    parser.add_argument(
        '--speeds', nargs='+', type=float, default=[1.0], help='Speeds ahead of `rivals` [m/s].'
    )
    parser.add_argument('--methods', nargs='+', help='Who walks in `rivals`; default: all.')
    parser.add_argument('--robots', type=int, default=256, help='Robots of `pretraining`.')
    parser.add_argument(
        '--expert',
        type=Path,
        help="Folder of a finished expert for `pretraining`'s collection; default: a beginner.",
    )
    parser.add_argument('--threads', type=int, default=2, help='CPU threads of `plan_quality`.')
    parser.add_argument(
        '--sizes',
        nargs='+',
        type=size,
        metavar='KxI',
        help='Samples x iterations of `planner_latency` and `plan_quality`; default: many.',
    )
    parser.add_argument('--walks', type=int, default=1, help='Walks of `plan_quality` per search.')
    parser.add_argument(
        '--ablations',
        action='store_true',
        help='`plan_quality`: one change at a time, not sizes; `gate`: without rehearsal too.',
    )
    parser.add_argument(
        '--set',
        action='append',
        default=[],
        metavar='NAME=VALUE',
        help='Setting of the search that `plan_quality` starts from.',
    )
    parser.add_argument(
        '--plans-s', type=float, default=4.0, help='Time for one size of `planner_latency`.'
    )
    parser.add_argument('--out', type=Path, default=Path('runs/bench'), help='Folder for JSON.')
    options = parser.parse_args()
    for name in options.names:
        if name not in BENCHMARKS:
            print(f'error: {unknown_name("benchmark", name, BENCHMARKS)}', file=sys.stderr)
            return 2
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.names or BENCHMARKS:
        about = machine()
        try:
            rows = BENCHMARKS[name](options)
        except SimdistError as error:
            print(f'error: {error}', file=sys.stderr)
            return 2
        path = options.out / f'{name}.json'
        path.write_text(json.dumps({'machine': about, 'rows': rows}, indent=2) + '\n')
        print(f'\n## {name}\n\n{table(rows) if rows else "interrupted"}\n\nwrote {path}\n')
    return 0


if __name__ == '__main__':
    sys.exit(main())
