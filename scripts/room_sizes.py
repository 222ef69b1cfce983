#!/usr/bin/env python3
"""Lines of code by room: shares, the largest file, the longest function.

    python scripts/room_sizes.py [ROOT]

A room is a folder of `simdist_ros/`, or a module beside them. Blank lines and comments count, as
they are read too. `test/package/test_sizes.py` asserts the limits.
"""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

Sizes = dict[str, list[tuple[int, Path]]]


def functions(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the length and the name of each function."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.end_lineno - node.lineno + 1, node.name


def files_by_room(package: Path) -> Sizes:
    """Return the lines and the path of each file, by room."""
    rooms: Sizes = defaultdict(list)
    for path in sorted(package.rglob('*.py')):
        room = path.relative_to(package).parts[0]
        rooms[room].append((len(path.read_text().splitlines()), path))
    return rooms


def shares(rooms: Sizes) -> dict[str, float]:
    """Return which share of all lines each room has."""
    lines = {room: sum(n for n, _ in files) for room, files in rooms.items()}
    return {room: n / sum(lines.values()) for room, n in lines.items()}


def main() -> None:
    """Print a table, the largest room first."""
    package = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT) / 'simdist_ros'
    rooms = files_by_room(package)
    print('| room | files | lines | share | largest file | longest function |')
    print('|---|---|---|---|---|---|')
    for room, share in sorted(shares(rooms).items(), key=lambda item: -item[1]):
        files = rooms[room]
        largest, file = max(files)
        found = [(n, name, path) for _, path in files for n, name in functions(path)]
        length, name, where = max(found, default=(0, '', file))
        called = f'{where.stem}.{name} {length}' if name else ''
        print(
            f'| {room} | {len(files)} | {sum(n for n, _ in files)} | {100 * share:.1f} % | '
            f'{file.relative_to(package / room) if file.name != room else room} {largest} | '
            f'{called} |'
        )
    total = sum(n for files in rooms.values() for n, _ in files)
    print(f'| all | {sum(map(len, rooms.values()))} | {total} | | | |')


if __name__ == '__main__':
    main()
