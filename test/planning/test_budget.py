"""A budget is kept by doing fewer iterations; time is a clock that the test turns."""

from __future__ import annotations

import numpy as np
import pytest

from simdist_ros.planning.budget import Budget
from simdist_ros.planning.plan import Reason, Source

from .situations import make_planner, observe, prior_of


class Clock:
    """Seconds that pass only when somebody says so."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now

    def pass_ms(self, milliseconds):
        self.now += 1e-3 * milliseconds


def takes(clock, model, method, ms):
    """Make a model's method take time, or each of some times in turn; one candidate takes none."""
    times = iter(ms) if isinstance(ms, list) else None
    original = getattr(model, method)

    def slow(*args):
        if method == 'predict' and len(args[1]) == 1:
            return original(*args)
        clock.pass_ms(ms if times is None else next(times))
        return original(*args)

    setattr(model, method, slow)


@pytest.fixture
def clock():
    return Clock()


def test_another_iteration_is_allowed_while_the_longest_so_far_would_still_end_in_time(clock):
    budget = Budget(20.0, clock(), clock)
    assert budget.allows_another()
    clock.pass_ms(7)
    assert budget.allows_another()  # 7 + 7 < 20
    clock.pass_ms(3)
    assert budget.allows_another()  # 10 + 7 < 20
    clock.pass_ms(4)
    assert not budget.allows_another()  # 14 + 7: the longest counts, not the last


def test_the_first_is_allowed_unless_the_budget_is_spent(clock):
    began = clock()
    clock.pass_ms(19)
    assert Budget(20.0, began, clock).allows_another()
    clock.pass_ms(2)
    assert not Budget(20.0, began, clock).allows_another()


def test_a_budget_of_0_is_no_limit(clock):
    budget = Budget(0.0, clock(), clock)
    for _ in range(5):
        clock.pass_ms(1e9)
        assert budget.allows_another()


@pytest.mark.parametrize(
    ('budget_ms', 'iterations'), [(5.0, 1), (19.0, 1), (21.0, 2), (35.0, 3), (45.0, 4), (1e3, 5)]
)
def test_a_budget_is_kept_by_doing_fewer_iterations(
    small_model, architecture, clock, budget_ms, iterations
):
    takes(clock, small_model, 'predict', 10.0)
    planner = make_planner(small_model, clock=clock, num_iterations=5, budget_ms=budget_ms)
    plan = planner.plan(observe(architecture))
    assert (plan.source, plan.reason) == (Source.MPPI, Reason.NONE)
    assert plan.num_iterations == iterations
    assert plan.elapsed_ms == pytest.approx(10.0 * iterations)
    assert plan.elapsed_ms <= budget_ms or iterations == 1


def test_without_a_budget_all_iterations_are_done_however_long_they_take(
    small_model, architecture, clock
):
    takes(clock, small_model, 'predict', 1e6)
    plan = make_planner(small_model, clock=clock).plan(observe(architecture))
    assert plan.num_iterations == 3


def test_what_the_encoder_takes_counts(small_model, architecture, clock):
    takes(clock, small_model, 'encode', 12.0)
    takes(clock, small_model, 'predict', 10.0)
    planner = make_planner(small_model, clock=clock, num_iterations=5, budget_ms=35.0)
    assert planner.plan(observe(architecture)).num_iterations == 2


def test_one_slow_iteration_makes_the_rest_of_the_tick_careful(small_model, architecture, clock):
    takes(clock, small_model, 'predict', [5.0, 15.0, 5.0, 5.0, 5.0])
    planner = make_planner(small_model, clock=clock, num_iterations=5, budget_ms=39.0)
    assert planner.plan(observe(architecture)).num_iterations == 3  # 25 + 15 is not < 39


def test_fewer_iterations_are_the_first_of_more(small_model, architecture, clock):
    unlimited = make_planner(small_model, num_iterations=2).plan(observe(architecture))
    takes(clock, small_model, 'predict', 10.0)
    planner = make_planner(small_model, clock=clock, num_iterations=5, budget_ms=25.0)
    np.testing.assert_array_equal(planner.plan(observe(architecture)).actions, unlimited.actions)


def test_a_budget_spent_before_the_first_iteration_leaves_the_policy_prior_and_says_why(
    small_model, architecture, clock
):
    prior = prior_of(small_model, observe(architecture))
    encode = small_model.encode
    takes(clock, small_model, 'encode', 30.0)
    planner = make_planner(small_model, clock=clock, budget_ms=20.0)
    plan = planner.plan(observe(architecture))
    np.testing.assert_array_equal(plan.actions, prior)
    assert (plan.source, plan.reason) == (Source.POLICY_PRIOR, Reason.BUDGET_SPENT)
    assert plan.num_iterations == 0
    assert plan.elapsed_ms == pytest.approx(30.0)
    small_model.encode = encode
    assert planner.plan(observe(architecture)).source is Source.MPPI


def test_weighing_the_warm_start_takes_time_but_is_no_iteration(small_model, architecture, clock):
    takes(clock, small_model, 'predict', 10.0)
    planner = make_planner(small_model, clock=clock, num_iterations=5, budget_ms=50.0)
    done = [planner.plan(observe(architecture, step)).num_iterations for step in range(3)]
    assert done == [4, 3, 3]  # one is weighed instead: 40 + 10 is not < 50
