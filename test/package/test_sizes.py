"""How much there is to read at once: the limits of a function, a file and a room."""

from __future__ import annotations

import importlib.util
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LONGEST_FUNCTION, LONGEST_FILE, LARGEST_ROOM = 60, 350, 0.15  # lines, lines, share of the code

SPEC = importlib.util.spec_from_file_location('room_sizes', ROOT / 'scripts/room_sizes.py')
room_sizes = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(room_sizes)

ROOMS = room_sizes.files_by_room(ROOT / 'simdist_ros')
FILES = [entry for files in ROOMS.values() for entry in files]


def test_no_function_is_longer_than_60_lines():
    found = {
        f'{path.relative_to(ROOT)}:{name}': lines
        for _, path in FILES
        for lines, name in room_sizes.functions(path)
        if lines > LONGEST_FUNCTION
    }
    assert not found, 'split them by what they do'


def test_no_file_is_longer_than_350_lines():
    found = {str(path.relative_to(ROOT)): n for n, path in FILES if n > LONGEST_FILE}
    assert not found, 'split them by what they are for'


def test_no_room_holds_more_than_15_percent_of_the_code():
    found = {
        room: share for room, share in room_sizes.shares(ROOMS).items() if share > LARGEST_ROOM
    }
    assert not found, 'a room has one purpose; give a part of it its own'


def test_the_measure_counts_lines_functions_and_shares(tmp_path):
    (tmp_path / 'room').mkdir()
    (tmp_path / 'room/a.py').write_text('class A:\n    def f(self):\n        return 1\n')
    (tmp_path / 'b.py').write_text('x = 1\n')
    rooms = room_sizes.files_by_room(tmp_path)
    assert rooms == {'b.py': [(1, tmp_path / 'b.py')], 'room': [(3, tmp_path / 'room/a.py')]}
    assert room_sizes.shares(rooms) == {'b.py': 0.25, 'room': 0.75}
    assert list(room_sizes.functions(tmp_path / 'room/a.py')) == [(2, 'f')]
