"""A search is fitted to its budget; the time it takes is made up here."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from simdist_ros.planning.budget_fitting import Fit, blank_observation, fit_to_budget, warm_up
from simdist_ros.planning.plan import Plan, Source
from simdist_ros.planning.settings import MppiSettings

from .situations import make_planner, observe

ASKED = MppiSettings(
    num_samples=128, num_iterations=4, num_policy_samples=6, elite_fraction=0.14, budget_ms=20.0
)


@pytest.fixture
def machine(architecture):
    """Make planners that take `per_candidate` ms for each candidate and `fixed` ms for a plan."""

    def of(per_candidate, fixed=1.0, hiccup=0.0):
        measured = []

        def make(settings):
            assert settings.budget_ms == 0.0  # or the budget would hide what it takes
            took = fixed + per_candidate * settings.num_candidates * settings.num_iterations
            measured.append(settings)
            times = iter([0.0] * 5 + [hiccup] + [0.0] * 1000)  # after warming up

            def plan(observation):
                assert observation.committed.shape == (settings.plan_delay_steps, 2)
                return Plan(
                    actions=np.zeros((1, 2), np.float32),
                    source=Source.MPPI,
                    elapsed_ms=took + next(times),
                )

            model = SimpleNamespace(architecture=architecture)
            return SimpleNamespace(settings=settings, model=model, plan=plan, reset=lambda: None)

        def takes(settings):
            return fixed + per_candidate * settings.num_candidates * settings.num_iterations

        return SimpleNamespace(make=make, takes=takes, measured=measured)

    return of


def test_what_fits_is_left_alone_without_a_word(machine):
    fast = machine(0.01)
    assert fit_to_budget(fast.make, ASKED) == Fit(ASKED)
    assert fast.takes(ASKED) < 20


@pytest.mark.parametrize('changes', [{'budget_ms': 0.0}, {'num_iterations': 0}])
def test_without_a_budget_or_a_search_there_is_nothing_to_measure(machine, changes):
    slow = machine(100.0)
    settings = replace(ASKED, **changes)
    assert fit_to_budget(slow.make, settings) == Fit(settings)
    assert slow.measured == []


@pytest.mark.parametrize('per_candidate', [0.05, 0.1, 0.2, 0.4])
@pytest.mark.parametrize('delay', [0, 2])
def test_what_does_not_fit_is_reduced_until_it_does(machine, per_candidate, delay):
    slow = machine(per_candidate)
    asked = replace(ASKED, plan_delay_steps=delay)
    fit = fit_to_budget(slow.make, asked)
    assert slow.takes(asked) > 20 > slow.takes(fit.settings)
    assert fit.settings.num_samples <= asked.num_samples
    assert 1 <= fit.settings.num_iterations <= asked.num_iterations
    assert fit.settings.num_policy_samples <= asked.num_policy_samples
    sizes = ('num_samples', 'num_iterations', 'num_policy_samples')
    assert fit.settings == replace(
        asked, **{name: getattr(fit.settings, name) for name in sizes}
    )  # nothing else is touched, the budget least of all
    assert fit.settings.num_elites == max(1, round(0.14 * fit.settings.num_candidates))


def test_the_warning_names_what_was_asked_for_and_what_is_left(machine):
    slow = machine(0.1)
    fit = fit_to_budget(slow.make, ASKED)
    settings = fit.settings
    assert fit.warning == (
        '128 samples x 4 iterations take 55.4 ms here, the budget is 20 ms, 14 ms for a plan '
        'measured alone: reduced to '
        f'{settings.num_samples} x {settings.num_iterations}, which take '
        f'{slow.takes(settings):.1f} ms'
    )


def test_iterations_go_before_samples(machine):
    fit = fit_to_budget(machine(0.047).make, ASKED)  # 26.6 ms, and 13.8 with two iterations
    assert (fit.settings.num_samples, fit.settings.num_iterations) == (128, 2)
    fit = fit_to_budget(machine(0.2).make, ASKED)
    assert fit.settings.num_iterations == 2
    assert 16 <= fit.settings.num_samples < 128


def test_on_a_slow_machine_the_policy_head_acts_alone_and_that_is_said(machine):
    slow = machine(0.0, fixed=100.0)
    fit = fit_to_budget(slow.make, ASKED)
    assert (fit.settings.num_samples, fit.settings.num_iterations) == (8, 0)
    assert fit.settings.num_command_steps == 0
    assert fit.warning.endswith(
        'reduced to 8 x 0, num_command_steps 0, which take 100.0 ms; the policy head acts alone '
        'and nothing is searched; that is late too, raise the budget'
    )


def test_a_policy_head_that_is_in_time_needs_no_larger_budget(machine):
    slow = machine(100.0, fixed=10.0)
    fit = fit_to_budget(slow.make, ASKED)
    assert fit.settings.num_iterations == 0
    assert fit.warning.endswith(
        'which take 10.0 ms; the policy head acts alone and nothing is searched'
    )


@pytest.mark.parametrize(
    ('fixed', 'steps', 'iterations'), [(13.0, 1, 1), (19.0, 1, 1), (21.0, 0, 0)]
)
def test_the_policys_other_proposals_may_take_the_whole_budget(machine, fixed, steps, iterations):
    asked = replace(ASKED, num_samples=0, num_iterations=1, num_policy_samples=0)
    fit = fit_to_budget(machine(0.0, fixed=fixed).make, asked)
    assert fit.settings == replace(asked, num_command_steps=steps, num_iterations=iterations)


def test_scoring_what_the_policy_does_may_take_the_whole_budget(machine):
    asked = replace(ASKED, num_samples=0, num_iterations=1, num_policy_samples=0)
    asked = replace(asked, num_command_steps=0)
    assert fit_to_budget(machine(0.0, fixed=19.0).make, asked).settings == asked


@pytest.mark.parametrize('samples', [1, 5, 9, 17, 128, 1000])
@pytest.mark.parametrize('iterations', [1, 2, 3, 10])
@pytest.mark.parametrize('policy_samples', [0, 1, 50])
def test_no_size_ever_grows(machine, samples, iterations, policy_samples):
    asked = replace(
        ASKED, num_samples=samples, num_iterations=iterations, num_policy_samples=policy_samples
    )
    slow = machine(100.0)
    fit_to_budget(slow.make, asked)
    for before, after in zip(slow.measured, slow.measured[1:], strict=False):
        assert after.num_samples <= before.num_samples
        assert after.num_iterations <= before.num_iterations
        assert after.num_policy_samples <= before.num_policy_samples
        assert after != before


def test_one_slow_plan_does_not_count(machine):
    assert fit_to_budget(machine(0.01, hiccup=1e6).make, ASKED).warning == ''


@pytest.mark.parametrize('delay', [0, 3])
def test_a_blank_observation_fits_the_model(small_model, architecture, delay):
    blank = blank_observation(architecture, delay, step=7)
    real = observe(architecture, committed=np.zeros((delay, 2)))
    assert blank.step == 7
    for name in ('proprio_obs_hist', 'acts_hist', 'extero_obs', 'command', 'committed'):
        assert getattr(blank, name).shape == getattr(real, name).shape
        assert getattr(blank, name).dtype == getattr(real, name).dtype
        assert not getattr(blank, name).any()
    plan = make_planner(small_model, plan_delay_steps=delay).plan(blank)
    assert isinstance(plan, Plan)


def test_a_planner_is_as_new_after_warming_up_but_for_its_draws(small_model, architecture):
    fresh, warm = (make_planner(small_model, seed=2) for _ in range(2))
    warm_up(warm)
    assert not torch.equal(fresh.generator.get_state(), warm.generator.get_state())
    warm.generator.manual_seed(2)
    plans = [planner.plan(observe(architecture)).actions for planner in (fresh, warm)]
    np.testing.assert_array_equal(*plans)
