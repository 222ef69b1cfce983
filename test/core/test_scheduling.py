"""Precedence is asked of the system by processes of their own, so that no other test has it."""

import json
import os
import subprocess
import sys
import threading

import pytest

from simdist_ros.core.scheduling import SchedulingSettings, WaitClock

SCRIPT = """
import json, os, sys, threading
from simdist_ros.core.scheduling import SchedulingSettings, step_behind, take_precedence

def about(thread):
    policy, niceness = os.sched_getscheduler(thread), os.getpriority(os.PRIO_PROCESS, thread)
    return [policy, os.sched_getparam(thread).sched_priority, niceness]

def report(name, steps_behind=False):
    if steps_behind:
        step_behind()
    seen[name] = about(threading.get_native_id())

def wait_and_report(name):
    go.wait()
    report(name)

if sys.argv[1] == 'unprivileged' and os.getuid() == 0:
    os.setuid(65534)
seen, go = {}, threading.Event()
before = threading.Thread(target=wait_and_report, args=('before',))
before.start()
if sys.argv[1] == 'normal':
    given = SchedulingSettings(scheduling='normal').apply(10)
else:
    given = SchedulingSettings().apply(10)
go.set()
before.join()
for name, steps_behind in (('after', False), ('helper', True)):
    thread = threading.Thread(target=report, args=(name, steps_behind))
    thread.start()
    thread.join()
report('main')
print(json.dumps([given, seen]))
"""


def threads_of(kind: str) -> tuple[str, dict[str, list[int]]]:
    """Return what a process was given, and policy, priority and niceness of its threads."""
    done = subprocess.run(
        [sys.executable, '-c', SCRIPT, kind], capture_output=True, text=True, check=True
    )
    given, seen = json.loads(done.stdout)
    return given, seen


def test_all_threads_go_first_those_before_and_those_after():
    given, seen = threads_of('auto')
    niceness = os.getpriority(os.PRIO_PROCESS, 0)
    wanted = {
        'SCHED_RR 10': [os.SCHED_RR, 10, niceness],
        'nice -10': [os.SCHED_OTHER, 0, -10],
        'normal': [os.SCHED_OTHER, 0, niceness],
    }[given]
    assert [seen[name] for name in ('before', 'after', 'main')] == [wanted] * 3


def test_a_helper_gives_way_to_the_threads_of_its_process_alone():
    given, seen = threads_of('auto')
    if not given.startswith('SCHED_RR'):
        pytest.skip('realtime scheduling is not permitted here')
    niceness = os.getpriority(os.PRIO_PROCESS, 0)
    assert seen['helper'] == [os.SCHED_RR, 1, niceness]
    assert seen['main'] == [os.SCHED_RR, 10, niceness]


@pytest.mark.parametrize('kind', ['normal', 'unprivileged'])
def test_nothing_changes_where_it_is_not_wanted_or_not_permitted(kind):
    given, seen = threads_of(kind)
    if kind == 'unprivileged' and given != 'normal':
        pytest.skip('every user may raise priorities here')
    assert given == 'normal'
    niceness = os.getpriority(os.PRIO_PROCESS, 0)
    assert set(map(tuple, seen.values())) == {(os.SCHED_OTHER, 0, niceness)}


def test_scheduling_is_auto_unless_it_is_set():
    assert SchedulingSettings().scheduling == 'auto'


def test_waits_are_counted_of_a_thread_that_shares_its_processor():
    waits = WaitClock()
    if waits.file is None:
        pytest.skip('the system does not count waits')
    core = min(os.sched_getaffinity(0))
    cores = os.sched_getaffinity(0)
    spin = f'import os\nos.sched_setaffinity(0, {{{core}}})\nprint(flush=True)\nwhile True: pass'
    other = subprocess.Popen([sys.executable, '-c', spin], stdout=subprocess.PIPE)
    try:
        assert other.stdout is not None
        other.stdout.readline()
        os.sched_setaffinity(0, {core})
        before = waits.read_ms()
        while waits.read_ms() < before + 1.0:  # ends with pytest's own patience otherwise
            pass
    finally:
        os.sched_setaffinity(0, cores)
        other.kill()
        other.wait()
        waits.close()
    assert waits.read_ms() == 0.0


def test_waits_are_those_of_the_thread_that_began_to_count():
    waits = WaitClock()
    read: list[float] = []
    thread = threading.Thread(target=lambda: read.append(waits.read_ms()))
    thread.start()
    thread.join()
    assert 0.0 <= read[0] <= waits.read_ms()
    waits.close()
