from __future__ import annotations

import pytest

from simdist_ros.adaptation.progress_lines import Quarters


def told(steps, end):
    quarters = Quarters()
    return [
        step
        for step in steps
        if quarters.is_news(f'step {step} of {end}: held-out error 0.1, at first 0.2')
    ]


def test_of_many_steps_each_quarter_is_told_once():
    assert told(range(100, 801, 100), 800) == [200, 400, 600, 800]
    assert told(range(10, 1001, 10), 1000) == [250, 500, 750, 1000]


@pytest.mark.parametrize(('steps', 'expected'), [([5, 10], [5, 10]), ([1, 9, 10], [9, 10])])
def test_where_a_step_passes_several_quarters_it_is_told_once(steps, expected):
    assert told(steps, 10) == expected


def test_other_lines_are_no_news():
    assert not Quarters().is_news('plans: passed, 20 of 20 plans are finite')


def test_another_training_in_the_same_process_has_quarters_of_its_own():
    quarters = Quarters()
    lines = ['step 800 of 800: ', 'practice step 30 of 100: ', 'practice step 100 of 100: ']
    assert [quarters.is_news(line) for line in lines] == [True, True, True]
    assert not quarters.is_news(lines[-1])
