"""The search follows what its plans take, both ways; the times are made up here."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from simdist_ros.planning.budget_refitting import (
    FEW_LONG,
    LATELY,
    LONGEST_PATIENCE,
    PATIENCE,
    SHORT,
    TOO_MANY,
    Refit,
    cost,
    levels,
)
from simdist_ros.planning.plan import Plan, Source
from simdist_ros.planning.planner import Planner
from simdist_ros.planning.settings import MppiSettings

from .situations import observe

ASKED = MppiSettings(num_samples=64, num_iterations=4, num_policy_samples=4, budget_ms=10.0)
CHOICES = [replace(ASKED, num_samples=samples) for samples in (64, 32, 16)]
LONG, MEDIUM, BRIEF = 11.0, 8.0, 5.0


def feed(refit, *times):
    """Return what each plan led to."""
    return [refit.note(ms) for ms in times]


def test_levels_lead_from_what_was_asked_for_through_what_fits_to_the_least():
    fitted = replace(ASKED, num_samples=16, num_iterations=2, num_policy_samples=1)
    found = levels(ASKED, fitted)
    assert found[0] == ASKED
    assert found.count(fitted) == 1
    costs = [cost(settings) for settings in found]
    assert costs == sorted(costs, reverse=True)
    assert len(set(found)) == len(found)
    assert (found[-1].num_samples, found[-1].num_iterations) == (8, 0)  # the policy head alone
    assert found[-1].num_command_steps == 0


def test_levels_of_a_search_without_samples_end_in_the_policy_head_alone():
    asked = MppiSettings(num_samples=0, num_command_steps=1, budget_ms=10.0)
    alone = replace(asked, num_command_steps=0)
    found = levels(asked, asked)
    assert found == [asked, alone, replace(alone, num_iterations=0)]
    assert [cost(settings) for settings in found] == [3, 1, 0]


def test_levels_keep_all_that_is_no_size():
    kept = replace(ASKED, gamma=0.5, plan_delay_steps=1)
    for settings in levels(kept, kept):
        assert (settings.gamma, settings.plan_delay_steps) == (0.5, 1)
        assert settings.budget_ms == 10.0


def test_a_few_plans_over_the_budget_make_the_search_smaller():
    refit = Refit(CHOICES)
    assert feed(refit, *[LONG] * (TOO_MANY - 1)) == [''] * (TOO_MANY - 1)
    assert refit.note(LONG) == '3 of the last 3 plans took more than 10 ms'
    assert refit.settings == CHOICES[1]


def test_plans_over_the_budget_that_are_far_apart_change_nothing():
    refit = Refit(CHOICES)
    for _ in range(20):
        feed(refit, LONG, *[MEDIUM] * (LATELY - 1))
    assert refit.level == 0


def test_a_plan_of_just_the_budget_is_not_over_it():
    refit = Refit(CHOICES)
    feed(refit, *[10.0] * 20)
    assert refit.level == 0


def test_plans_of_the_search_before_do_not_count_against_the_next():
    refit = Refit(CHOICES)
    feed(refit, *[LONG] * TOO_MANY, *[LONG] * (TOO_MANY - 1))
    assert refit.level == 1
    refit.note(LONG)
    assert refit.level == 2


def test_the_least_search_stays_however_long_it_takes():
    refit = Refit(CHOICES, level=2)
    assert feed(refit, *[LONG] * 50) == [''] * 50
    assert refit.settings == CHOICES[2]


def test_short_plans_for_a_long_time_make_the_search_larger():
    refit = Refit(CHOICES, level=2)
    assert not any(feed(refit, *[BRIEF] * (PATIENCE - 1)))
    assert refit.note(BRIEF) == '0 of the last 250 plans took more than 6 ms'
    assert refit.settings == CHOICES[1]


def test_plans_within_the_budget_but_not_short_change_nothing():
    refit = Refit(CHOICES, level=1)
    feed(refit, *[MEDIUM] * (3 * PATIENCE))
    assert refit.level == 1


@pytest.mark.parametrize(('more', 'level'), [(0, 0), (1, 1)])
def test_growing_allows_for_a_few_long_plans_and_not_for_more(more, level):
    refit = Refit(CHOICES, level=1)
    num_long = int(FEW_LONG * PATIENCE) + more
    feed(refit, *[MEDIUM] * num_long, *[BRIEF] * (PATIENCE - num_long))
    assert refit.level == level
    assert MEDIUM > SHORT * 10.0


def test_long_plans_of_long_ago_do_not_keep_the_search_small():
    refit = Refit(CHOICES, level=1)
    feed(refit, *[MEDIUM] * PATIENCE, *[BRIEF] * PATIENCE)
    assert refit.level == 0


def test_the_search_never_becomes_larger_than_what_was_asked_for():
    refit = Refit(CHOICES)
    assert not any(feed(refit, *[BRIEF] * (3 * PATIENCE)))
    assert refit.settings == CHOICES[0]


def test_after_growing_in_vain_the_next_attempt_waits_twice_as_long():
    refit = Refit(CHOICES, level=1)
    feed(refit, *[BRIEF] * PATIENCE, *[LONG] * TOO_MANY)
    assert refit.level == 1
    feed(refit, *[BRIEF] * (2 * PATIENCE - 1))
    assert refit.level == 1
    feed(refit, BRIEF)
    assert refit.level == 0


def test_patience_has_an_end():
    refit = Refit(CHOICES, level=1)
    for _ in range(8):
        feed(refit, *[BRIEF] * refit.patience, *[LONG] * TOO_MANY)
    assert refit.patience == LONGEST_PATIENCE


def test_a_larger_search_that_lasts_restores_the_patience():
    refit = Refit(CHOICES, level=2)
    feed(refit, *[BRIEF] * PATIENCE, *[LONG] * TOO_MANY)
    feed(refit, *[BRIEF] * (2 * PATIENCE), *[MEDIUM] * (2 * PATIENCE))
    assert (refit.level, refit.patience) == (1, PATIENCE)


def test_without_a_budget_nothing_changes():
    refit = Refit([replace(settings, budget_ms=0.0) for settings in CHOICES], level=1)
    assert not any(feed(refit, *[1e6] * 50, *[0.0] * (2 * PATIENCE)))
    assert refit.level == 1


def make_planner(model, settings):
    return Planner(model, settings, torch.Generator().manual_seed(0))


def plan_of(elapsed_ms, source=Source.MPPI):
    return Plan(actions=np.zeros((1, 2), np.float32), source=source, elapsed_ms=elapsed_ms)


def test_trials_do_not_count_for_they_search_nothing(small_model):
    refit = Refit(CHOICES)
    planner = make_planner(small_model, CHOICES[0])
    for _ in range(50):
        assert refit.apply(planner, plan_of(LONG, Source.EXPLORATION)) == ''
    assert planner.settings == CHOICES[0]


def test_a_planner_is_resized_and_told_about_in_one_sentence(small_model):
    refit = Refit(CHOICES)
    planner = make_planner(small_model, CHOICES[0])
    told = [refit.apply(planner, plan_of(LONG)) for _ in range(TOO_MANY)]
    assert told[:-1] == [''] * (TOO_MANY - 1)
    assert told[-1] == (
        'search changed from 64 samples x 4, num_command_steps 1 to 32 samples x 4, '
        'num_command_steps 1: 3 of the last 3 plans took more than 10 ms'
    )
    assert planner.settings == CHOICES[1]


@pytest.mark.parametrize('steps', [0, 2])
def test_a_resized_planner_plans_with_its_new_sizes_from_the_next_tick_on(
    small_model, architecture, steps
):
    planner = make_planner(small_model, replace(ASKED, budget_ms=0.0))
    planner.plan(observe(architecture, step=0))
    planner.prepare()  # draws blocks of the old size
    smaller = replace(planner.settings, num_samples=8, num_iterations=2, num_command_steps=steps)
    planner.resize(smaller)
    assert planner.proposals.count == (1 if steps == 0 else 2 + 2 * steps)
    plan = planner.plan(observe(architecture, step=1))
    assert (plan.source, plan.num_iterations) == (Source.MPPI, 2)
    planner.prepare()
    assert {tuple(block.shape) for block in planner.noise.ahead} == {
        (smaller.num_drawn, architecture.horizon_steps, architecture.action_dim)
    }


def test_a_resized_planner_keeps_its_mean_and_its_best_offset(small_model, architecture):
    planner = make_planner(small_model, replace(ASKED, budget_ms=0.0))
    planner.plan(observe(architecture, step=0))
    planner.proposals.centre = 0.25
    mean = planner.mean.clone()
    planner.resize(replace(planner.settings, num_samples=8))
    torch.testing.assert_close(planner.mean, mean)
    assert planner.proposals.centre == 0.25
