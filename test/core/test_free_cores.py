import os

import pytest

from simdist_ros.jobs.free_cores import free_cores, idle_share, idle_ticks, threads_for


def test_idle_and_total_time_are_read_by_core(tmp_path):
    stat = tmp_path / 'stat'
    stat.write_text(
        'cpu  9 9 9 9 9 9 9 9 9 9\ncpu0 10 20 30 400 5 1 2 3 0 0\n'
        'cpu11 1 1 1 90 7 0 0 0 0 0\nintr 5\n'
    )
    assert idle_ticks(stat) == {0: (405, 471), 11: (97, 100)}  # guests are in the user time
    assert idle_ticks(tmp_path / 'none') == {}


def test_low_priority_work_is_no_idle_time():
    assert idle_share((400, 1000), (450, 1100)) == pytest.approx(0.5)
    assert idle_share((400, 1000), (400, 1000)) == 0.0


@pytest.mark.parametrize('hidden', [False, True])
def test_there_is_always_one_core_and_never_more_than_are_allowed(tmp_path, hidden):
    arguments = {'stat': tmp_path / 'none'} if hidden else {}
    assert 1 <= free_cores(0.05, **arguments) <= len(os.sched_getaffinity(0))


@pytest.mark.parametrize(('load', 'free'), [(0.0, 2), (0.9, 1), (7.0, 1)])
def test_where_no_times_are_shown_the_load_counts(tmp_path, monkeypatch, load, free):
    monkeypatch.setattr(os, 'sched_getaffinity', lambda pid: {0, 1})
    monkeypatch.setattr(os, 'getloadavg', lambda: (load, load, load))
    assert free_cores(0.0, tmp_path / 'none') == free


@pytest.mark.parametrize(('free', 'threads'), [(1, 1), (2, 1), (3, 2), (16, 15)])
def test_threads_that_wait_for_each_other_leave_a_core_to_others(free, threads):
    assert threads_for(free) == threads
