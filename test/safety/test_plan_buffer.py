from __future__ import annotations

import math

import numpy as np
import pytest

from simdist_ros.core.errors import ConfigError
from simdist_ros.safety.plans import PlanBuffer, PlannedSteps

PERIOD_NS = 20_000_000


@pytest.fixture
def buffer() -> PlanBuffer:
    return PlanBuffer(jitter_s=0.004)


def test_without_a_plan_nothing_is_due(buffer):
    due = buffer.due(0)
    assert (due.target, due.age_s, due.is_late) == (None, math.inf, False)


@pytest.mark.parametrize(
    ('ticks', 'step', 'is_late'),
    [(3.0, 0, False), (3.75, 0, False), (4.0, 1, True), (5.0, 2, True), (5.5, 2, True)],
)
def test_the_step_that_is_due_holds_until_the_next_one_is(buffer, plan, ticks, step, is_late):
    buffer.put(plan(3))
    due = buffer.due(round(ticks * PERIOD_NS))
    np.testing.assert_allclose(due.target, 0.5 + 0.01 * step)
    assert due.is_late is is_late
    assert due.age_s == pytest.approx((ticks - 3) * 0.02)


@pytest.mark.parametrize('jitter_ns', [-3_000_000, 0, 3_000_000])
def test_jitter_of_the_stamps_does_not_change_the_step(buffer, plan, jitter_ns):
    buffer.put(plan(3))
    for ticks in (3, 4, 5):
        due = buffer.due(ticks * PERIOD_NS + jitter_ns)
        np.testing.assert_allclose(due.target, 0.5 + 0.01 * (ticks - 3))


def test_a_plan_waits_for_its_first_step_while_the_one_before_goes_on(buffer, plan):
    buffer.put(plan(3, first=0.1, delay=1))
    buffer.put(plan(4, first=0.2, delay=2))
    np.testing.assert_allclose(buffer.due(4 * PERIOD_NS).target, 0.1)
    np.testing.assert_allclose(buffer.due(5 * PERIOD_NS).target, 0.11)
    np.testing.assert_allclose(buffer.due(6 * PERIOD_NS).target, 0.2)


def test_many_plans_may_wait_for_their_first_step_and_the_one_before_goes_on(buffer, plan):
    for tick in range(12):  # one that began at 0, and the others ten steps late
        buffer.put(plan(tick, first=0.1 * tick, delay=10 if tick else 0))
    np.testing.assert_allclose(buffer.due(10 * PERIOD_NS).target, 0.1)
    np.testing.assert_allclose(buffer.due(11 * PERIOD_NS).target, 0.1)
    np.testing.assert_allclose(buffer.due(12 * PERIOD_NS).target, 0.2)


def test_a_plan_ages_from_its_first_step_on_and_not_from_its_observation(buffer, plan):
    buffer.put(plan(3, delay=2))
    ages = [buffer.due(k * PERIOD_NS).age_s for k in (5, 6, 7)]
    assert ages == pytest.approx([0.0, 0.02, 0.04])


def test_a_plan_for_an_older_observation_is_ignored(buffer, plan):
    assert buffer.put(plan(4, first=0.2))
    assert not buffer.put(plan(3, first=0.1))
    np.testing.assert_allclose(buffer.due(4 * PERIOD_NS).target, 0.2)


def test_a_second_plan_for_the_same_observation_replaces_the_first(buffer, plan):
    buffer.put(plan(4, first=0.2))
    assert buffer.put(plan(4, first=0.3))
    np.testing.assert_allclose(buffer.due(4 * PERIOD_NS).target, 0.3)


def test_after_the_last_step_nothing_is_due(buffer, plan):
    buffer.put(plan(0, steps=2))
    assert buffer.due(1 * PERIOD_NS).target is not None
    assert buffer.due(2 * PERIOD_NS).target is None


def test_a_plan_of_one_step_serves_one_tick(buffer, plan):
    buffer.put(plan(0, steps=1))
    assert buffer.due(0).target is not None
    assert buffer.due(PERIOD_NS).target is None


def test_between_slow_plans_at_a_fast_control_rate_no_tick_is_late(plan):
    buffer = PlanBuffer(jitter_s=0.0004)
    late = 0
    for k in range(100):  # 500 Hz
        if k % 10 == 0:
            buffer.put(plan(k // 10))
        late += buffer.due(k * 2_000_000).is_late
    assert late == 0


@pytest.mark.parametrize(
    ('positions', 'period_ns'),
    [(np.zeros((0, 2)), PERIOD_NS), (np.zeros(2), PERIOD_NS), (np.zeros((3, 2)), 0)],
)
def test_a_plan_without_steps_or_period_is_refused(positions, period_ns):
    with pytest.raises(ConfigError, match='it needs steps x joints and a period above 0'):
        PlannedSteps(stamp_ns=0, first_effect_ns=0, period_ns=period_ns, positions=positions)
