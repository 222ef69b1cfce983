from __future__ import annotations

import pytest

from simdist_ros.core.errors import ConfigError
from simdist_ros.jobs.results_log import LineLog


@pytest.mark.parametrize('about', [None, 'abc'])
def test_a_half_written_line_is_dropped_and_the_log_goes_on(tmp_path, about):
    path = tmp_path / 'results.jsonl'
    LineLog(path, about).add({'n': 1})
    with path.open('a') as file:
        file.write('{"n": 2')
    log = LineLog(path, about)
    assert log.entries == [{'n': 1}]
    log.add({'n': 3})
    assert LineLog(path, about).entries == [{'n': 1}, {'n': 3}]


def test_results_of_something_else_are_refused_and_left_alone(tmp_path):
    path = tmp_path / 'results.jsonl'
    LineLog(path, 'abc').add({'n': 1})
    before = path.read_bytes()
    with pytest.raises(ConfigError, match='holds results of abc, expected xyz'):
        LineLog(path, 'xyz')
    assert path.read_bytes() == before
