"""Run benchmarks by name, or all: ``python -m benchmarks [NAME ...]``; JSON and a table."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Sequence
from typing import Any

from benchmarks.machine import machine
from benchmarks.options import NAMES, BenchmarkOptions
from simdist_ros.core.errors import SimdistError
from simdist_ros.core.options import BAD_INPUT, parse_options


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


def run(options: BenchmarkOptions) -> None:
    """Measure, print and write."""
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.names or NAMES:
        about = machine()
        rows = importlib.import_module(f'benchmarks.{name}').measure(options)
        path = options.out / f'{name}.json'
        path.write_text(json.dumps({'machine': about, 'rows': rows}, indent=2) + '\n')
        print(f'\n## {name}\n\n{table(rows) if rows else "interrupted"}\n\nwrote {path}\n')


def main() -> int:
    """Run what is asked for; 2 and one sentence for what the user can mend."""
    try:
        run(parse_options(BenchmarkOptions, sys.argv[1:], 'python -m benchmarks', __doc__))
    except SimdistError as error:
        print(f'error: {error}', file=sys.stderr)
        return BAD_INPUT
    return 0


if __name__ == '__main__':
    sys.exit(main())
