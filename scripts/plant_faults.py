#!/usr/bin/env python3
"""Plant small faults in a copy of the code, one at a time, and see which the tests kill.

    python scripts/plant_faults.py --room safety           one room's list
    python scripts/plant_faults.py --jobs 2                all rooms
    python scripts/plant_faults.py --room safety --only 7  the seventh of its list

A list is a file `test/faults/ROOM.yaml` of entries

    - file: simdist_ros/safety/limits.py
      old: a text that occurs exactly once in the file
      new: what stands there instead
      what: what is wrong now, in one sentence
      tests: [test/safety]                              # optional; this is the default

A fault is killed if the tests fail or hang with it. Exits with 1 if an entry no longer fits the
code, or if the tests fail without any fault.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

import yaml

ROOT = Path(__file__).resolve().parents[1]
LISTS = ROOT / 'test' / 'faults'
TIMEOUT_S = 600  # beyond it the tests hang; in seconds in which this process is not stopped
PASSED, FAILED, INTERRUPTED = 0, 1, 2  # pytest's exit codes; a collection error is the last
RUNNING: set[int] = set()  # tests, each the leader of a process group
PROCESSES = multiprocessing.get_context('forkserver')
PRELOADED = ('pytest', 'numpy', 'torch', 'mujoco', 'rclpy', 'matplotlib.pyplot', 'rosbags.rosbag2')


@dataclass(frozen=True)
class Fault:
    """One small fault.

    Attributes:
        room: Whose list it is in.
        number: Its place there, from 1.
        file: Where it is planted, from the root.
        old: Text that it replaces; occurs once.
        new: Text in its place.
        what: What is wrong then.
        tests: Files and folders that ought to notice.
    """

    room: str
    number: int
    file: str
    old: str
    new: str
    what: str
    tests: tuple[str, ...]


def read_faults(room: str) -> list[Fault]:
    """Read one room's list."""
    entries = yaml.safe_load((LISTS / f'{room}.yaml').read_text())
    return [
        Fault(
            room,
            number,
            entry['file'],
            entry['old'],
            entry['new'],
            entry['what'],
            tuple(entry.get('tests', [f'test/{room}'])),
        )
        for number, entry in enumerate(entries, start=1)
    ]


def misfits(faults: Sequence[Fault]) -> list[str]:
    """Say which entries do not fit the code as it is."""
    said = []
    for fault in faults:
        path = ROOT / fault.file
        count = path.read_text().count(fault.old) if path.is_file() else 0
        if count != 1 or fault.old == fault.new:
            said.append(f'{fault.room} {fault.number}: {fault.file} holds {count} x {fault.old!r}')
    return said


def copy_tree(target: Path) -> Path:
    """Copy what git knows or would add, as it is in the work tree."""
    listed = subprocess.run(
        ['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard'],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in filter(None, listed.stdout.split('\0')):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    return target


def run_pytest(tree: Path, tests: Sequence[str]) -> None:
    """Run tests of a copy in this process, stopping at the first failure, and end it."""
    import pytest

    os.setpgid(0, 0)  # so that what the tests start can be ended with them
    os.chdir(tree)
    sys.path.insert(0, str(tree))
    given = os.environ.get('SIMDIST_UPSTREAM_GO2', ROOT.parent / 'shared' / 'upstream_go2')
    os.environ |= {'PYTHONPATH': str(tree), 'SIMDIST_UPSTREAM_GO2': str(given)}
    silence = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(silence, stream)
    code = pytest.main(['-x', '-q', '-p', 'no:cacheprovider', '-o', 'timeout=0', *tests])
    os._exit(int(code))


def run_tests(tree: Path, tests: Sequence[str]) -> int | None:
    """Run tests of a copy; return the exit code of pytest, None if they hang."""
    process = PROCESSES.Process(target=run_pytest, args=(tree, tests))
    process.start()
    assert process.pid is not None
    RUNNING.add(process.pid)
    for _ in range(TIMEOUT_S):
        process.join(1.0)
        if process.exitcode is not None:
            break
    has_ended = process.exitcode is not None
    if not has_ended:
        os.killpg(process.pid, signal.SIGKILL)
        process.join()
    RUNNING.discard(process.pid)
    return process.exitcode if has_ended else None


def end(number: int, _: object) -> None:
    """Leave nothing running when this process is told to end."""
    for group in tuple(RUNNING):
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)
    os._exit(128 + number)


def plant(tree: Path, fault: Fault) -> str:
    """Return what the tests say of a fault: killed, survived, or the exit code of pytest."""
    path = tree / fault.file
    sound = path.read_text()
    path.write_text(sound.replace(fault.old, fault.new))
    try:
        code = run_tests(tree, fault.tests)
    finally:
        path.write_text(sound)
    if code == PASSED:
        return 'survived'
    return 'killed' if code in (None, FAILED, INTERRUPTED) else f'exit code {code}'


def plant_all(faults: Sequence[Fault], jobs: int) -> list[str]:
    """Plant each fault alone in one of `jobs` copies; return the verdicts in order."""
    with tempfile.TemporaryDirectory(prefix='simdist_faults_') as folder:
        trees: SimpleQueue[Path] = SimpleQueue()
        for job in range(jobs):
            trees.put(copy_tree(Path(folder) / str(job)))
        tests = sorted({test for fault in faults for test in fault.tests})
        tree = trees.get()
        if run_tests(tree, tests) != PASSED:
            sys.exit('the tests fail without any fault: ' + ' '.join(tests))
        trees.put(tree)

        def task(fault: Fault) -> str:
            tree = trees.get()
            try:
                verdict = plant(tree, fault)
            finally:
                trees.put(tree)
            print(f'{fault.room:13} {fault.number:3} {verdict:9} {fault.what}', flush=True)
            return verdict

        with ThreadPoolExecutor(jobs) as pool:
            return list(pool.map(task, faults))


def main() -> int:
    """Plant what is asked for and tell the rate of each room."""
    os.environ |= {'PYTHONDONTWRITEBYTECODE': '1', 'OMP_NUM_THREADS': '1'}
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    PROCESSES.set_forkserver_preload(list(PRELOADED))  # once, not with each fault
    parser = argparse.ArgumentParser(description='See which planted faults the tests kill.')
    parser.add_argument('--room', action='append', help='Room; default: all that have a list.')
    parser.add_argument('--only', type=int, nargs='+', help='Numbers in the list.')
    parser.add_argument('--jobs', type=int, default=1, help='How many at a time.')
    arguments = parser.parse_args()
    rooms = arguments.room or sorted(path.stem for path in LISTS.glob('*.yaml'))
    faults = [fault for room in rooms for fault in read_faults(room)]
    if arguments.only:
        faults = [fault for fault in faults if fault.number in arguments.only]
    if said := misfits(faults):
        print('\n'.join(said), file=sys.stderr)
        return 1
    if not faults:
        parser.error('no entry of these lists has these numbers')
    verdicts = plant_all(faults, arguments.jobs)
    for room in rooms:
        mine = [v for f, v in zip(faults, verdicts, strict=True) if f.room == room]
        killed = mine.count('killed')
        if mine:
            print(f'{room:13} {killed} of {len(mine)} killed, {100 * killed / len(mine):.0f} %')
    return 0


if __name__ == '__main__':
    sys.exit(main())
