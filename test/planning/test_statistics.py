"""What a planner says of its ticks."""

from __future__ import annotations

import math
import time
from dataclasses import replace

import numpy as np
import pytest

from simdist_ros.planning.controller import PlannedTargets
from simdist_ros.planning.plan import NoPlan, Plan, Reason, Source
from simdist_ros.planning.settings import MppiSettings
from simdist_ros.planning.statistics import WINDOW, TickStatistics

SETTINGS = MppiSettings(num_samples=32, num_iterations=3)


def planned(source=Source.MPPI, reason=Reason.NONE):
    plan = Plan(
        actions=np.zeros((3, 2), np.float32),
        source=source,
        reason=reason,
        gain=0.5,
        effective_samples=2.5,
        num_iterations=3,
        elapsed_ms=7.0,
    )
    return PlannedTargets(stamp_ns=0, delay_steps=0, positions=np.zeros((3, 2)), plan=plan)


PRIOR = planned(Source.POLICY_PRIOR, Reason.BUDGET_SPENT)
NO_PLAN = NoPlan(reason=Reason.OBSERVATION_NOT_FINITE)


@pytest.fixture
def statistics():
    return TickStatistics(model='duo', settings=SETTINGS, backend='torch on cpu', num_proposals=14)


def test_the_record_of_a_plan_holds_what_made_it(statistics):
    assert statistics.add(planned(), elapsed_ms=8.0, age_ms=9.0, waited_ms=0.5) == {
        'plan_ms': 8.0,
        'age_ms': 9.0,
        'waited_ms': 0.5,
        'search_ms': 7.0,
        'source': 'mppi',
        'reason': 'none',
        'gain': 0.5,
        'effective_samples': 2.5,
        'num_iterations': 3,
        'num_proposals': 14,
        'num_samples': 32,
    }


def test_ticks_in_which_the_belief_is_doubted_are_told_and_counted(statistics):
    held = planned()
    doubted = replace(held, plan=replace(held.plan, doubts_belief=True))
    records = [statistics.add(one, 8.0, 9.0) for one in (held, doubted, doubted)]
    assert [record.get('belief') for record in records] == [None, 'doubted', 'doubted']
    assert statistics.summary()[1]['doubted_ticks'] == 2
    assert statistics.is_healthy


def test_the_record_of_a_fallback_says_why(statistics):
    record = statistics.add(PRIOR, 8.0, 9.0)
    assert (record['source'], record['reason']) == ('policy_prior', 'budget_spent')


def test_the_record_of_a_tick_without_a_plan_says_why(statistics):
    assert statistics.add(NO_PLAN, 1.0, 2.0) == {
        'plan_ms': 1.0,
        'age_ms': 2.0,
        'waited_ms': 0.0,
        'source': 'none',
        'reason': 'observation_not_finite',
    }


def test_the_summary_counts_every_outcome(statistics):
    for result in (planned(), PRIOR, planned(), NO_PLAN):
        statistics.add(result, 10.0, 0.0)
    sentence, values = statistics.summary()
    assert sentence.endswith(' Hz, plan median 10.0 ms, p99 10.0 ms, worst 10.0 ms, gain +0.500')
    assert values.pop('rate_hz') > 0.0
    assert 10.0 < values.pop('peak_memory_mb') < 100_000.0
    assert values == {
        'model': 'duo',
        'backend': 'torch on cpu',
        'ticks': 4,
        'plan_ms_p50': 10.0,
        'plan_ms_p99': 10.0,
        'plan_ms_max': 10.0,
        'num_proposals': 14,
        'num_samples': 32,
        'num_iterations': 3,
        'age_ms_p50': 0.0,
        'age_ms_max': 0.0,
        'gain_p50': 0.5,
        'effective_samples_p50': 2.5,
        'num_iterations_p50': 3.0,
        'mppi_ticks': 2,
        'policy_prior_ticks': 1,
        'no_plan_ticks': 1,
    }


def test_median_and_p99_by_hand(statistics):
    for elapsed_ms in range(1, 102):
        statistics.add(planned(), float(elapsed_ms), 0.0)
    _, values = statistics.summary()
    assert (values['plan_ms_p50'], values['plan_ms_p99']) == (51.0, 100.0)
    assert values['plan_ms_max'] == 101.0


def test_ages_are_summarised_by_hand(statistics):
    for age_ms in (3.0, 9.0, 4.0):
        statistics.add(planned(), 1.0, age_ms)
    _, values = statistics.summary()
    assert (values['age_ms_p50'], values['age_ms_max']) == (4.0, 9.0)


def test_a_gain_that_is_not_finite_does_not_spoil_the_median(statistics):
    unknown = planned()
    unknown = replace(unknown, plan=replace(unknown.plan, gain=math.nan))
    for result in (planned(), unknown):
        statistics.add(result, 1.0, 0.0)
    assert statistics.summary()[1]['gain_p50'] == 0.5


def test_latencies_are_those_of_the_last_ticks_and_counts_are_of_all(statistics):
    for _ in range(WINDOW):
        statistics.add(planned(), 1e6, 0.0)
    for _ in range(WINDOW):
        statistics.add(planned(), 5.0, 0.0)
    _, values = statistics.summary()
    assert values['plan_ms_p99'] == 5.0
    assert values['ticks'] == values['mppi_ticks'] == 2 * WINDOW


def test_the_rate_is_that_of_the_time_since_it_was_asked_for(statistics, monkeypatch):
    now = [statistics.rate_since[0]]
    monkeypatch.setattr(time, 'monotonic', lambda: now[0])
    for ticks, seconds, rate_hz in ((100, 2.0, 50.0), (10, 1.0, 10.0), (0, 1.0, 0.0)):
        for _ in range(ticks):
            statistics.add(planned(), 5.0, 0.0)
        now[0] += seconds
        assert statistics.summary()[1]['rate_hz'] == pytest.approx(rate_hz)


def test_before_the_first_tick_there_is_a_summary_too(statistics):
    sentence, values = statistics.summary()
    assert sentence == ('0.0 Hz, plan median 0.0 ms, p99 0.0 ms, worst 0.0 ms, gain +0.000')
    assert values['ticks'] == 0
    assert statistics.is_healthy


@pytest.mark.parametrize('result', [PRIOR, NO_PLAN])
def test_anything_but_the_plan_that_was_asked_for_is_not_healthy(statistics, result):
    statistics.add(planned(), 1.0, 1.0)
    assert statistics.is_healthy
    statistics.add(result, 1.0, 1.0)
    assert not statistics.is_healthy


def test_the_policy_prior_is_healthy_where_it_was_asked_for():
    statistics = TickStatistics(settings=MppiSettings(num_iterations=0))
    statistics.add(planned(Source.POLICY_PRIOR), 1.0, 1.0)
    assert statistics.is_healthy
    statistics.add(NO_PLAN, 1.0, 1.0)
    assert not statistics.is_healthy


def test_a_search_reduced_to_the_policy_head_is_not_what_was_asked_for():
    fitted = MppiSettings(num_iterations=0)
    statistics = TickStatistics(settings=fitted, asked=MppiSettings(num_iterations=1))
    statistics.add(planned(Source.POLICY_PRIOR), 1.0, 1.0)
    assert not statistics.is_healthy
