"""Run benchmarks by name, or all: ``python -m benchmarks [NAME ...]``; JSON and a table."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import finetune, planner_latency, realtime, stopping, walking
from benchmarks.machine import machine
from simdist_ros.core.errors import SimdistError, unknown_name

BENCHMARKS = {
    'finetune': finetune.measure,
    'planner_latency': planner_latency.measure,
    'realtime': realtime.measure,
    'stopping': stopping.measure,
    'walking': walking.measure,
}


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Return rows as a Markdown table."""
    names = list(rows[0])
    lines = ['| ' + ' | '.join(names) + ' |', '|' + '---|' * len(names)]
    lines += ['| ' + ' | '.join(str(row[name]) for name in names) + ' |' for row in rows]
    return '\n'.join(lines)


def main() -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(prog='python -m benchmarks', description=__doc__)
    parser.add_argument('names', nargs='*', metavar='NAME', help=', '.join(BENCHMARKS))
    parser.add_argument('--model', default='', help='Model; default: that of `make demo`.')
    parser.add_argument('--world', default='nominal', help='World.')
    parser.add_argument('--seeds', type=int, default=5, help='Seeds of `walking`.')
    parser.add_argument('--seconds', type=float, default=60.0, help='Length of `realtime`.')
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
