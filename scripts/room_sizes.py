#!/usr/bin/env python3
"""Lines of code by room: shares, the largest file, the longest function.

    python scripts/room_sizes.py [ROOT]

A room is a folder of `simdist_ros/`, or a module beside them. Blank lines and comments count, as
they are read too.
"""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def functions(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the length and the name of each function."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.end_lineno - node.lineno + 1, node.name


def main() -> None:
    """Print a table, the largest room first."""
    package = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT) / 'simdist_ros'
    rooms = defaultdict(list)
    for path in sorted(package.rglob('*.py')):
        parts = path.relative_to(package).parts
        rooms[parts[0]].append((len(path.read_text().splitlines()), path))
    total = sum(lines for files in rooms.values() for lines, _ in files)
    print('| room | files | lines | share | largest file | longest function |')
    print('|---|---|---|---|---|---|')
    for room, files in sorted(rooms.items(), key=lambda item: -sum(n for n, _ in item[1])):
        lines = sum(n for n, _ in files)
        largest, file = max(files)
        found = [(n, name, path) for _, path in files for n, name in functions(path)]
        length, name, where = max(found, default=(0, '', file))
        called = f'{where.stem}.{name} {length}' if name else ''
        print(
            f'| {room} | {len(files)} | {lines} | {100 * lines / total:.1f} % | '
            f'{file.relative_to(package / room) if file.name != room else room} {largest} | '
            f'{called} |'
        )
    print(f'| all | {sum(map(len, rooms.values()))} | {total} | | | |')


if __name__ == '__main__':
    main()
