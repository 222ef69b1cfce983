"""From observation to plan, on a small model with random weights."""

from __future__ import annotations

import copy
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from simdist_ros.core.errors import ConfigError
from simdist_ros.planning.plan import NoPlan, Reason, Source
from simdist_ros.planning.search_noise import SearchNoise
from simdist_ros.world_model.model import WorldModel

from .situations import actions, make_planner, observe, prefer, prior_of, seen_by

T, A = 6, 2


@pytest.fixture
def observation(architecture):
    return observe(architecture)


def set_nan(module):
    """Put a NaN into every weight of a module; return what puts them back."""
    kept = {name: x.clone() for name, x in module.state_dict().items()}
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.fill_(math.nan)
    return lambda: module.load_state_dict(kept)


# A plan


def test_a_plan_is_finite_and_as_long_as_the_horizon(small_model, observation):
    plan = make_planner(small_model).plan(observation)
    assert actions(plan).shape == (T, A)
    assert plan.actions.dtype == np.float32
    assert np.isfinite(plan.actions).all()
    assert (plan.source, plan.reason) == (Source.MPPI, Reason.NONE)
    assert plan.num_iterations == 3
    assert 1 <= plan.effective_samples <= make_planner(small_model).settings.num_elites
    assert plan.elapsed_ms > 0


def test_the_same_seed_gives_the_same_plans(small_model, architecture):
    one, two = (make_planner(small_model, seed=5) for _ in range(2))
    for step in range(4):
        observation = observe(architecture, step, seed=step)
        np.testing.assert_array_equal(
            actions(one.plan(observation)), actions(two.plan(observation))
        )


def test_another_seed_gives_another_plan(small_model, observation):
    one, two = (make_planner(small_model, seed=seed).plan(observation) for seed in (5, 6))
    assert not np.array_equal(actions(one), actions(two))


def test_the_global_seed_changes_nothing(small_model, observation):
    plans = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        plans.append(actions(make_planner(small_model).plan(observation)))
    np.testing.assert_array_equal(*plans)


def test_a_plan_is_within_the_trained_range(small_model, observation):
    small_model.normalizer.action_low[:] = torch.tensor([-0.05, -0.01])
    small_model.normalizer.action_high[:] = torch.tensor([0.02, 0.04])
    with seen_by(small_model) as asked:
        plan = actions(make_planner(small_model).plan(observation))
    for array in (plan, *(candidates.numpy() for candidates in asked)):
        assert (array >= np.float32([-0.05, -0.01]) - 1e-7).all()
        assert (array <= np.float32([0.02, 0.04]) + 1e-7).all()


def test_the_plan_comes_near_what_the_model_likes(small_model, observation):
    target = np.linspace(-1.0, 1.0, T * A, dtype=np.float32).reshape(T, A)
    prefer(small_model, target)
    wide = {'num_samples': 256, 'initial_std': 1.0, 'inverse_temperature': 0.5}
    planner = make_planner(small_model, num_iterations=12, **wide)
    plan = planner.plan(observation)
    assert np.abs(actions(plan) - target).max() < 0.2
    assert plan.gain > 0


def test_gain_is_the_return_over_the_priors_by_the_models_own_account(small_model, observation):
    target = prior_of(small_model, observation) + 0.5
    prefer(small_model, target)
    plan = make_planner(small_model, num_iterations=10, inverse_temperature=1e6).plan(observation)
    gamma = make_planner(small_model).settings.gamma
    discount = gamma ** np.arange(T)

    def value(sequence):
        return -(discount * ((sequence - target) ** 2).sum(axis=1)).sum()

    gain = value(actions(plan)) - value(target - 0.5)
    assert plan.gain == pytest.approx(gain, abs=1e-4)


@pytest.mark.parametrize('seed', range(6))
def test_the_best_elite_is_at_least_as_good_as_the_prior(small_model, architecture, seed):
    planner = make_planner(small_model, seed=seed, inverse_temperature=1e6)
    for step in range(3):
        plan = planner.plan(observe(architecture, step, seed=seed))
        assert plan.gain >= 0.0


def test_mean_and_prior_are_among_the_candidates_of_every_iteration(small_model, observation):
    prior = torch.from_numpy(prior_of(small_model, observation))
    planner = make_planner(small_model)
    with seen_by(small_model) as asked:
        planner.plan(observation)
    assert [len(candidates) for candidates in asked] == [38] * 3 + [1]  # what came of it
    for candidates in asked[:3]:
        assert torch.equal(candidates[1], prior)
    assert torch.equal(asked[0][0], prior)  # the first mean is the prior


# The policy prior


def test_no_iterations_give_exactly_the_policy_prior(small_model, observation):
    plan = make_planner(small_model, num_iterations=0).plan(observation)
    with torch.inference_mode():
        context = small_model.encode(
            *(
                torch.from_numpy(array)[None]
                for array in (
                    observation.proprio_obs_hist,
                    observation.acts_hist,
                    observation.extero_obs,
                )
            )
        )
        commands = torch.from_numpy(observation.command).expand(1, T + 1, -1)
        prior = small_model.policy_prior(context, commands)[0]
    np.testing.assert_array_equal(actions(plan), prior.numpy())
    assert (plan.source, plan.reason) == (Source.POLICY_PRIOR, Reason.NONE)
    assert (plan.gain, plan.num_iterations) == (0.0, 0)


def test_no_iterations_draw_nothing(small_model, observation):
    planner = make_planner(small_model, num_iterations=0)
    before = planner.generator.get_state()
    with seen_by(small_model) as asked:
        planner.plan(observation)
    assert asked == []
    assert torch.equal(planner.generator.get_state(), before)


# What is not finite


@pytest.mark.parametrize('bad', [math.nan, math.inf])
@pytest.mark.parametrize(
    'field', ['proprio_obs_hist', 'acts_hist', 'extero_obs', 'command', 'committed']
)
def test_an_observation_that_is_not_finite_gives_no_plan_and_the_next_is_planned_as_ever(
    small_model, architecture, field, bad
):
    delayed = {'committed': np.zeros((1, A))}
    first, third = (observe(architecture, step, seed=step, **delayed) for step in (0, 2))
    broken = observe(architecture, 1, seed=1, **delayed)
    getattr(broken, field)[..., -1] = bad
    planner, other = (make_planner(small_model, plan_delay_steps=1) for _ in range(2))
    planner.plan(first)
    other.plan(first)
    result = planner.plan(broken)
    assert isinstance(result, NoPlan)
    assert result.reason is Reason.OBSERVATION_NOT_FINITE
    assert result.reason.value == 'the observation is not finite'
    np.testing.assert_array_equal(actions(planner.plan(third)), actions(other.plan(third)))


@pytest.mark.parametrize('part', ['heads.reward_head', 'heads.value_head', 'dynamics'])
def test_returns_that_are_not_finite_leave_the_policy_prior_and_say_why(
    small_model, observation, part
):
    prior = prior_of(small_model, observation)
    planner = make_planner(small_model)
    mend = set_nan(small_model.get_submodule(part))
    plan = planner.plan(observation)
    np.testing.assert_array_equal(actions(plan), prior)
    assert plan.source is Source.POLICY_PRIOR
    assert plan.reason is Reason.RETURNS_NOT_FINITE
    assert (plan.gain, plan.num_iterations) == (0.0, 0)
    mend()
    assert planner.plan(observation).source is Source.MPPI


@pytest.mark.parametrize('part', ['heads.policy_head', 'encoder'])
def test_a_prior_that_is_not_finite_gives_no_plan_until_it_is_again(
    small_model, observation, part
):
    planner = make_planner(small_model)
    planner.plan(observation)
    mend = set_nan(small_model.get_submodule(part))
    result = planner.plan(observation)
    assert isinstance(result, NoPlan)
    assert result.reason is Reason.PRIOR_NOT_FINITE
    assert result.elapsed_ms > 0
    mend()
    assert planner.plan(observation).source is Source.MPPI


def test_one_candidate_whose_return_is_not_finite_does_not_disable_the_search(
    small_model, observation
):
    rewards = small_model.rewards

    def with_nan(*args):
        result = rewards(*args)
        if len(result) > 1:
            result[5] = math.nan
            result[6] = math.inf
        return result

    small_model.rewards = with_nan
    plan = make_planner(small_model).plan(observation)
    assert np.isfinite(actions(plan)).all()
    assert (plan.source, plan.num_iterations) == (Source.MPPI, 3)
    assert math.isfinite(plan.gain)


# Delay

COMMITTED = np.array([[0.5, -0.5], [9.0, 0.25]], dtype=np.float32)  # 9 is out of range


def test_committed_actions_are_the_first_steps_of_every_scored_candidate(
    small_model, architecture
):
    planner = make_planner(small_model, plan_delay_steps=2)
    with seen_by(small_model) as asked:
        for step in range(3):
            planner.plan(observe(architecture, step, seed=step, committed=COMMITTED))
    assert len(asked) == 3 * 4 + 2  # and twice the question where to start from
    for candidates in asked:
        first = candidates[:, :2].numpy()
        np.testing.assert_array_equal(first, np.broadcast_to(COMMITTED, first.shape))
        assert np.abs(candidates[:, 2:].numpy()).max() <= 3


@pytest.mark.parametrize('delay', [0, 1, 5])
def test_a_plan_starts_at_the_step_at_which_it_takes_effect(small_model, architecture, delay):
    prior = prior_of(small_model, observe(architecture))
    target = np.arange(T * A, dtype=np.float32).reshape(T, A) / 10
    prefer(small_model, target)
    observation = observe(architecture, committed=np.zeros((delay, A)))
    settings = {'plan_delay_steps': delay, 'num_samples': 128}
    plan = actions(make_planner(small_model, num_iterations=15, **settings).plan(observation))
    assert plan.shape == (T - delay, A)
    assert np.abs(plan - target[delay:]).max() < 0.2
    unsearched = actions(make_planner(small_model, num_iterations=0, **settings).plan(observation))
    np.testing.assert_array_equal(unsearched, prior[delay:])


def test_what_is_committed_changes_the_rest_of_the_plan(small_model, architecture):
    plans = [
        make_planner(small_model, plan_delay_steps=1).plan(
            observe(architecture, committed=[[first, first]])
        )
        for first in (-2.0, 2.0)
    ]
    assert not np.array_equal(actions(plans[0]), actions(plans[1]))


@pytest.mark.parametrize('delay', [T, T + 1])
def test_a_delay_that_leaves_nothing_of_the_horizon_is_refused(small_model, delay):
    message = f'mppi.plan_delay_steps is {delay}; the model looks only 6 steps ahead'
    with pytest.raises(ConfigError, match=message):
        make_planner(small_model, plan_delay_steps=delay)


# Warm start


def started_from(model, planner, observation):
    """Plan; return the warm start that was weighed against the prior, and the mean of both."""
    with seen_by(model) as asked:
        planner.plan(observation)
    weighed, first = asked[0], asked[1]
    assert len(weighed) == 2
    assert torch.equal(weighed[0], first[1])  # the prior
    return weighed[1], first[0]


@pytest.mark.parametrize('executed', [0, 1, 3, 5])
def test_warm_start_drops_as_many_steps_as_were_executed(small_model, architecture, executed):
    planner = make_planner(small_model, prior_pull=0.0)
    last = actions(planner.plan(observe(architecture, step=10)))
    later = observe(architecture, step=10 + executed, seed=1)
    prior = prior_of(small_model, later)
    warm, _ = started_from(small_model, planner, later)
    np.testing.assert_array_equal(warm[: T - executed], last[executed:])
    np.testing.assert_array_equal(warm[T - executed :], prior[T - executed :])


@pytest.mark.parametrize('pull', [0.25, 1.0])
def test_warm_start_is_pulled_towards_the_prior(small_model, architecture, pull):
    planner = make_planner(small_model, prior_pull=pull)
    last = actions(planner.plan(observe(architecture, step=10)))
    later = observe(architecture, step=12, seed=1)
    prior = prior_of(small_model, later)
    warm, _ = started_from(small_model, planner, later)
    expected = (1 - pull) * last[2:] + pull * prior[:4]
    np.testing.assert_allclose(warm[:4], expected, atol=1e-6)
    np.testing.assert_allclose(warm[4:], prior[4:], atol=1e-6)


@pytest.mark.parametrize('step', [10 + T, 10_000, 9, -5])
def test_a_plan_that_is_over_or_yet_to_come_starts_from_the_prior(small_model, architecture, step):
    planner = make_planner(small_model)
    planner.plan(observe(architecture, step=10))
    later = observe(architecture, step=step, seed=1)
    prior = prior_of(small_model, later)
    with seen_by(small_model) as asked:
        plan = planner.plan(later)
    assert np.isfinite(actions(plan)).all()
    assert len(asked) == 3 + 1
    np.testing.assert_array_equal(asked[0][0], prior)


def test_mean_starts_from_the_warm_start_where_that_is_better(small_model, architecture):
    planner = make_planner(small_model, prior_pull=0.0, inverse_temperature=1e6)
    last = actions(planner.plan(observe(architecture, step=0)))
    later = observe(architecture, step=1, seed=1)
    prior = prior_of(small_model, later)
    prefer(small_model, np.concatenate([last[1:], prior[-1:]]))
    warm, mean = started_from(small_model, planner, later)
    assert torch.equal(mean, warm)
    assert not np.array_equal(mean, prior)


def test_mean_starts_from_the_prior_where_that_is_better(small_model, architecture):
    planner = make_planner(small_model, prior_pull=0.0, inverse_temperature=1e6)
    planner.plan(observe(architecture, step=0))
    later = observe(architecture, step=1, seed=1)
    prior = prior_of(small_model, later)
    prefer(small_model, prior)
    warm, mean = started_from(small_model, planner, later)
    np.testing.assert_array_equal(mean, prior)
    assert not torch.equal(mean, warm)


def test_mean_starts_between_what_returns_the_same(small_model, architecture):
    planner = make_planner(small_model, prior_pull=0.0, inverse_temperature=0.0)
    planner.plan(observe(architecture, step=0))
    later = observe(architecture, step=1, seed=1)
    warm, mean = started_from(small_model, planner, later)
    middle = 0.5 * (warm + torch.tensor(prior_of(small_model, later)))
    np.testing.assert_allclose(mean, middle, atol=1e-6)


def test_the_warm_start_is_one_of_the_proposals_whose_number_is_told(small_model, architecture):
    planner = make_planner(
        small_model, num_samples=0, num_policy_samples=0, num_iterations=1, inverse_temperature=0.0
    )
    told = [planner.plan(observe(architecture, step, seed=step)) for step in range(2)]
    assert [plan.effective_samples for plan in told] == pytest.approx([1.0, 2.0])


def test_reset_forgets_the_last_plan(small_model, architecture, observation):
    fresh, used = (make_planner(small_model, seed=3) for _ in range(2))
    used.plan(observe(architecture, seed=9))
    used.reset()
    used.generator.manual_seed(3)
    np.testing.assert_array_equal(
        actions(used.plan(observation)), actions(fresh.plan(observation))
    )


@pytest.mark.parametrize('part', ['heads.reward_head', 'heads.policy_head'])
def test_after_a_failure_the_next_plan_starts_from_the_prior(small_model, observation, part):
    planner = make_planner(small_model)
    planner.plan(observation)
    mend = set_nan(small_model.get_submodule(part))
    planner.plan(observation)
    mend()
    with seen_by(small_model) as asked:
        planner.plan(observation)
    assert [len(candidates) for candidates in asked] == [38] * 3 + [1]
    np.testing.assert_array_equal(asked[0][0], prior_of(small_model, observation))


# Copies


def test_a_changed_plan_does_not_change_the_next(small_model, architecture):
    one, two = (make_planner(small_model, prior_pull=0.0) for _ in range(2))
    first, second = (observe(architecture, step, seed=step) for step in range(2))
    actions(one.plan(first))[:] = 99.0
    two.plan(first)
    assert torch.equal(one.mean, two.mean)
    np.testing.assert_array_equal(actions(one.plan(second)), actions(two.plan(second)))


@pytest.mark.parametrize('iterations', [0, 3])
def test_later_writes_to_the_observation_do_not_reach_the_plan(
    small_model, architecture, iterations
):
    one, two = (
        make_planner(small_model, num_iterations=iterations, plan_delay_steps=1) for _ in range(2)
    )
    second = observe(architecture, 1, seed=1, committed=np.ones((1, A)))
    first, same = (observe(architecture, committed=np.ones((1, A))) for _ in range(2))
    plan, expected = one.plan(first), two.plan(same)
    for name in ('proprio_obs_hist', 'acts_hist', 'extero_obs', 'command', 'committed'):
        getattr(first, name)[:] = 99.0
    np.testing.assert_array_equal(actions(plan), actions(expected))
    np.testing.assert_array_equal(actions(one.plan(second)), actions(two.plan(second)))


def test_planning_leaves_the_observation_as_it_was(small_model, architecture):
    observation, same = (observe(architecture, committed=np.full((1, A), 9.0)) for _ in range(2))
    make_planner(small_model, plan_delay_steps=1).plan(observation)
    for name in ('proprio_obs_hist', 'acts_hist', 'extero_obs', 'command', 'committed'):
        np.testing.assert_array_equal(getattr(observation, name), getattr(same, name))


def test_weights_that_are_replaced_are_used_at_once(small_model, observation):
    planner = make_planner(small_model, num_iterations=0)
    before = actions(planner.plan(observation))
    with torch.no_grad():
        small_model.heads.policy_head.output.bias += 0.5
    np.testing.assert_allclose(actions(planner.plan(observation)), before + 0.5, atol=1e-6)


def test_planning_in_a_thread_that_tracks_gradients_keeps_no_graph(small_model, observation):
    planner = make_planner(small_model)
    with torch.enable_grad():
        planner.plan(observation)
    assert not planner.mean.requires_grad


def test_a_horizon_of_one_step_plans_one_action(architecture):
    model = WorldModel(replace(architecture, horizon_steps=1), seed=1).eval()
    planner = make_planner(model)
    for step in range(3):
        plan = planner.plan(observe(model.architecture, step, seed=step))
        assert actions(plan).shape == (1, A)
        assert plan.source is Source.MPPI


# Never worse than the policy prior


def test_a_mean_that_returns_less_than_the_prior_is_not_the_plan(small_model, observation):
    """Two peaks left and right of the prior: the mean of their elites lies in the valley."""
    prior = torch.from_numpy(prior_of(small_model, observation))

    def rewards(context, latents, actions, commands):
        return torch.where(
            (actions - prior).abs().sum(-1) < 1e-6, 0.5, (actions - prior).abs().sum(-1) - 0.7
        )

    small_model.rewards = rewards
    small_model.final_value = lambda latents, commands: torch.zeros(len(latents))
    planner = make_planner(small_model, num_samples=256, inverse_temperature=0.0)
    plan = planner.plan(observation)
    np.testing.assert_array_equal(actions(plan), prior.numpy())
    assert (plan.source, plan.gain) == (Source.MPPI, 0.0)


@pytest.mark.parametrize('seed', range(6))
def test_no_plan_gains_less_than_nothing(small_model, architecture, seed):
    planner = make_planner(small_model, seed=seed, num_samples=4, num_iterations=1)
    for step in range(4):
        assert planner.plan(observe(architecture, step, seed=seed)).gain >= 0.0


def test_noise_drawn_ahead_changes_no_plan(small_model, architecture):
    plain, prepared = (make_planner(small_model) for _ in range(2))
    for step in range(3):
        observation = observe(architecture, step, seed=step)
        prepared.prepare()
        np.testing.assert_array_equal(
            actions(plain.plan(observation)), actions(prepared.plan(observation))
        )


# Swap


def test_swapped_dynamics_plan_from_the_next_tick_on_and_can_go_back(small_model, architecture):
    other = copy.deepcopy(small_model)
    other.dynamics.load_state_dict(WorldModel(architecture, seed=7).dynamics.state_dict())
    planner = make_planner(small_model)
    old = planner.swap(planner.backend.prepare(other))
    expected = make_planner(other).plan(observe(architecture))
    np.testing.assert_array_equal(actions(planner.plan(observe(architecture))), actions(expected))
    planner.swap(old)
    assert planner.model is small_model
    planner.reset()
    planner.noise = SearchNoise(torch.Generator().manual_seed(0))
    np.testing.assert_array_equal(
        actions(planner.plan(observe(architecture))),
        actions(make_planner(small_model).plan(observe(architecture))),
    )
