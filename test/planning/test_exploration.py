"""Following proposals as they were planned, for walks to learn from."""

import dataclasses

import numpy as np
import pytest
import torch

from simdist_ros.core.errors import ConfigError
from simdist_ros.planning.budget_fitting import fit_to_budget
from simdist_ros.planning.exploration import Exploration
from simdist_ros.planning.plan import Source
from simdist_ros.planning.statistics import TickStatistics
from simdist_ros.world_model.model import WorldModel

from .situations import actions, make_planner, observe, prior_of, seen_by

PROPOSALS = torch.arange(3.0)[:, None, None].expand(3, 25, 2)


def trials(exploration, ticks):
    return [exploration.follow(step, PROPOSALS) for step in range(ticks)]


def test_without_a_share_nothing_is_tried():
    assert set(trials(Exploration(0.0, 16, seed=0), 500)) == {None}


@pytest.mark.parametrize('share', [0.2, 0.6])
@pytest.mark.parametrize('longest', [1, 2, 16])
def test_so_many_ticks_are_part_of_a_trial(share, longest):
    exploration = Exploration(share, longest, seed=0)
    followed = [trial is not None for trial in trials(exploration, 20_000)]
    assert np.mean(followed) == pytest.approx(share, abs=0.02)


def test_every_proposal_is_tried_and_for_any_number_of_steps():
    found = [trial for trial in trials(Exploration(0.6, 8, seed=0), 5_000) if trial is not None]
    assert {float(trial.actions[0, 0]) for trial in found} == {0.0, 1.0, 2.0}
    assert {trial.ends - trial.began for trial in found} == set(range(1, 9))


def test_the_same_seed_tries_the_same_whatever_was_asked_before():
    whole, later = Exploration(0.4, 16, seed=3), Exploration(0.4, 16, seed=3)
    expected = trials(whole, 100)
    start = next(step for step in range(50, 100) if expected[step] is None)
    for step in range(start, 100):
        trial = later.follow(step, PROPOSALS)
        assert (trial is None) == (expected[step] is None)
    assert trials(Exploration(0.4, 16, seed=4), 100) != expected


def test_what_is_not_finite_is_not_tried():
    assert set(trials(Exploration(0.6, 8, seed=0), 100)) != {None}
    broken = Exploration(0.6, 8, seed=0)
    assert {broken.follow(step, PROPOSALS * torch.nan) for step in range(100)} == {None}


@pytest.fixture
def planner(small_model):
    return make_planner(small_model, explore_share=0.3, explore_steps=2)


@pytest.fixture
def began(planner, architecture):
    """Plan until a trial of two steps begins; return its step and its plan."""
    for step in range(200):
        plan = planner.plan(observe(architecture, step))
        if plan.source is Source.EXPLORATION:
            if planner.exploration.trial.ends > step + 1:
                return step, plan
            planner.reset()
    raise AssertionError('nothing was tried')


def test_a_trial_goes_on_with_the_plan_it_began_with(planner, architecture, small_model, began):
    step, first = began
    prior = prior_of(small_model, observe(architecture, step))  # the only proposal there is
    np.testing.assert_allclose(actions(first), prior, atol=1e-6)
    same = observe(architecture, step).command
    second = planner.plan(observe(architecture, step + 1, seed=7, command=same))
    assert second.source is Source.EXPLORATION
    np.testing.assert_array_equal(actions(second), actions(first)[1:])


def test_it_is_what_the_next_search_starts_from(planner, began):
    step, first = began
    assert planner.mean_step == step
    np.testing.assert_array_equal(planner.mean.numpy(), actions(first))


def test_after_it_the_search_starts_from_the_steps_that_are_left(
    planner, architecture, small_model, began
):
    step, first = began
    later = [observe(architecture, step + ahead) for ahead in (1, 2)]
    assert planner.plan(later[0]).source is Source.EXPLORATION
    planner.exploration = Exploration(0.0, 2, seed=0)
    planner.settings = dataclasses.replace(planner.settings, prior_pull=0.0)
    with seen_by(small_model) as asked:
        assert planner.plan(later[1]).source is Source.MPPI
    warm = asked[0][-1].numpy()
    np.testing.assert_array_equal(warm[:-2], actions(first)[2:])


def test_a_trial_for_another_command_never_goes_on(architecture):
    """The new command has settled before the trial for the old one would have ended."""
    model = WorldModel(dataclasses.replace(architecture, horizon_steps=12), seed=1).eval()
    planner = make_planner(model, explore_share=0.3, explore_steps=8)
    observation = observe(model.architecture)
    for step in range(400):
        planner.plan(dataclasses.replace(observation, step=step))
        trial = planner.exploration.trial
        if trial is not None and trial.ends >= step + 4:
            break
    other = dataclasses.replace(observation, command=-observation.command)
    for ahead in (1, 2):
        planner.plan(dataclasses.replace(other, step=step + ahead))
        now = planner.exploration.trial
        assert now is None or now.began > step


def test_a_reset_ends_it(planner, architecture, began):
    planner.reset()
    assert planner.exploration.trial is None


def test_another_command_is_answered_at_once(small_model, architecture):
    planner = make_planner(
        small_model, explore_share=0.9, explore_steps=2, command_settling_steps=5
    )
    observation = observe(architecture)
    sources = []
    for step in range(40):
        command = observation.command * (1.0 if step < 20 else -1.0)
        plan = planner.plan(dataclasses.replace(observation, step=step, command=command))
        sources.append(plan.source)
    assert Source.EXPLORATION in sources[5:20]
    assert set(sources[:5] + sources[20:25]) == {Source.MPPI}


def test_a_delay_leaves_out_the_steps_that_are_decided(small_model, architecture):
    settings = {'explore_share': 0.5, 'explore_steps': 1, 'plan_delay_steps': 1}
    planner = make_planner(small_model, **settings)
    observation = observe(architecture, committed=np.zeros((1, architecture.action_dim)))
    plans = [planner.plan(dataclasses.replace(observation, step=step)) for step in range(20)]
    tried = [plan for plan in plans if plan.source is Source.EXPLORATION]
    assert 2 < len(tried) < 20
    for plan in tried:
        np.testing.assert_allclose(
            actions(plan), prior_of(small_model, observation)[1:], atol=1e-6
        )


@pytest.mark.parametrize('delay', [0, 1])
def test_a_trial_that_would_outlast_its_plan_is_refused(small_model, architecture, delay):
    most = architecture.horizon_steps - 4 - delay
    assert most > 0
    settings = {'explore_share': 0.5, 'plan_delay_steps': delay}
    make_planner(small_model, **settings, explore_steps=most)
    with pytest.raises(ConfigError, match=f'at most {most} steps can be followed'):
        make_planner(small_model, **settings, explore_steps=most + 1)


def test_it_counts_as_a_tick_that_had_its_plan():
    statistics = TickStatistics()
    statistics.outcomes[Source.EXPLORATION.value] = statistics.ticks = 3
    assert statistics.is_healthy


def test_the_time_of_a_search_is_measured_without_it(small_model):
    made = []

    def make(settings):
        made.append(settings)
        return make_planner(small_model, **dataclasses.asdict(settings))

    settings = dataclasses.replace(
        make_planner(small_model).settings, budget_ms=1e6, explore_share=0.3, explore_steps=2
    )
    assert fit_to_budget(make, settings).settings == settings
    assert [one.explore_share for one in made] == [0.0]
