"""The search as a whole, on objectives whose best sequence is known."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import pytest
import torch

from simdist_ros.planning.mppi import Search, iterate
from simdist_ros.planning.mppi import search as search_by
from simdist_ros.planning.search_noise import SearchNoise
from simdist_ros.planning.settings import MppiSettings

T, A = 5, 2
TARGET = torch.linspace(-0.8, 0.8, T * A).reshape(T, A)


class Objective:
    """Minus the squared distance to a target; remembers what it was asked for."""

    def __init__(self, target=TARGET):
        self.target = target
        self.asked = []

    def __call__(self, candidates):
        self.asked.append(candidates.clone())
        return -((candidates - self.target) ** 2).sum(dim=(1, 2))


def start(horizon=T, **changes):
    zeros = torch.zeros(horizon, A)
    bounds = torch.ones(A)
    return Search(zeros, zeros, -bounds, bounds, torch.zeros(0, A))._replace(**changes)


def seeded(seed=0):
    return SearchNoise(torch.Generator().manual_seed(seed))


def search(begin, score, settings, noise, *keep_going):
    return search_by(begin, partial(iterate, score, settings), settings, noise, *keep_going)


@pytest.fixture
def settings():
    return MppiSettings(
        num_samples=64,
        num_iterations=4,
        num_policy_samples=6,
        elite_fraction=0.14,
        inverse_temperature=4.0,
        initial_std=0.3,
        min_std=0.05,
    )


def test_search_comes_near_the_best_sequence(settings):
    settings = replace(settings, num_iterations=12, num_samples=256)
    result = search(start(), Objective(), settings, seeded())
    assert (result.last.mean - TARGET).abs().max() < 0.1
    assert result.num_iterations == 12


@pytest.mark.parametrize('seed', range(5))
def test_each_iteration_comes_nearer(settings, seed):
    distances = [TARGET.norm()]
    for iterations in (1, 2, 4):
        one = search(
            start(), Objective(), replace(settings, num_iterations=iterations), seeded(seed)
        )
        distances.append((one.last.mean - TARGET).norm())
    assert distances == sorted(distances, reverse=True)


def test_a_best_sequence_out_of_reach_leads_to_the_bound(settings):
    settings = replace(settings, num_iterations=12, min_std=0.2)
    result = search(start(), Objective(torch.full((T, A), 5.0)), settings, seeded())
    assert (result.last.mean <= 1.0 + 1e-6).all()
    assert (result.last.mean > 0.8).all()


def test_every_candidate_is_within_the_trained_range(settings):
    low, high = torch.tensor([-0.1, -0.5]), torch.tensor([0.3, 0.2])
    objective = Objective()
    outside = torch.full((T, A), 2.0)
    search(start(low=low, high=high, mean=outside, prior=-outside), objective, settings, seeded())
    for candidates in objective.asked:
        assert (candidates >= low).all()
        assert (candidates <= high).all()
    assert torch.equal(objective.asked[0].amax(dim=(0, 1)), high)
    assert torch.equal(objective.asked[0].amin(dim=(0, 1)), low)


def test_committed_steps_are_fixed_in_every_candidate_and_left_as_they_are(settings):
    committed = torch.tensor([[0.5, -0.5], [7.0, -7.0]])  # also where out of the trained range
    objective = Objective()
    result = search(start(committed=committed), objective, settings, seeded())
    for candidates in objective.asked:
        assert torch.equal(candidates[:, :2], committed.expand(len(candidates), 2, A))
        assert candidates[:, 2:].std(dim=0).min() > 0
        assert candidates[:, 2:].abs().max() <= 1
    torch.testing.assert_close(result.last.mean[:2], committed)


def test_mean_and_prior_are_the_first_candidates_of_every_iteration(settings):
    mean, prior = torch.full((T, A), 0.25), torch.full((T, A), -0.75)
    objective = Objective()
    search(start(mean=mean, prior=prior), objective, settings, seeded())
    assert torch.equal(objective.asked[0][0], mean)
    for iteration, candidates in enumerate(objective.asked):
        assert torch.equal(candidates[1], prior)
        one = replace(settings, num_iterations=max(1, iteration))
        until = search(start(mean=mean, prior=prior), Objective(), one, seeded())
        if iteration:
            assert torch.equal(candidates[0], until.last.mean)


def test_first_candidates_spread_as_set_and_proposals_stay_around_the_prior():
    settings = MppiSettings(
        num_samples=4000, num_policy_samples=2000, initial_std=0.1, num_iterations=3
    )
    objective = Objective()
    mean, prior = torch.full((T, A), 0.3), torch.full((T, A), -0.3)
    search(start(mean=mean, prior=prior), objective, settings, seeded())
    samples, proposals = objective.asked[0][2:4002], objective.asked[0][4002:]
    for drawn, centre in ((samples, 0.3), (proposals, -0.3)):
        assert drawn.mean().item() == pytest.approx(centre, abs=0.01)
        assert drawn.std(dim=0).mean().item() == pytest.approx(0.1, rel=0.05)
    later = objective.asked[-1][4002:]
    assert len(later) == 2000
    assert later.mean().item() == pytest.approx(-0.3, abs=0.01)
    assert later.std(dim=0).mean().item() == pytest.approx(0.1, rel=0.05)


def test_proposals_have_noise_of_their_own():
    settings = MppiSettings(num_samples=6, num_policy_samples=6, num_iterations=1)
    mean, prior = torch.full((T, A), 0.1), torch.full((T, A), -0.1)
    objective = Objective()
    search(start(mean=mean, prior=prior), objective, settings, seeded())
    around_mean, around_prior = objective.asked[0][2:8] - mean, objective.asked[0][8:] - prior
    for one in around_mean:
        assert not any(torch.allclose(one, other, atol=1e-4) for other in around_prior)


@pytest.mark.parametrize('policy_samples', [0, 6])
def test_every_iteration_scores_as_many_candidates_as_the_settings_say(settings, policy_samples):
    settings = replace(settings, num_policy_samples=policy_samples)
    objective = Objective()
    search(start(), objective, settings, seeded())
    assert [len(candidates) for candidates in objective.asked] == [66 + policy_samples] * 4


def test_the_same_seed_gives_the_same_result(settings):
    one, two = (search(start(), Objective(), settings, seeded(3)) for _ in range(2))
    assert torch.equal(one.last.mean, two.last.mean)
    assert torch.equal(one.last.std, two.last.std)
    assert (one.prior_return, one.num_iterations) == (two.prior_return, two.num_iterations)


def test_another_seed_gives_another_result(settings):
    one, two = (search(start(), Objective(), settings, seeded(seed)) for seed in (3, 4))
    assert not torch.equal(one.last.mean, two.last.mean)


def test_the_generator_moves_on_from_search_to_search(settings):
    generator = seeded(3)
    one, two = (search(start(), Objective(), settings, generator) for _ in range(2))
    assert not torch.equal(one.last.mean, two.last.mean)


def test_the_global_generator_is_neither_read_nor_moved(settings):
    means = []
    for global_seed in (0, 1):
        torch.manual_seed(global_seed)
        before = torch.get_rng_state()
        means.append(search(start(), Objective(), settings, seeded(3)).last.mean)
        assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(*means)


def test_what_the_search_began_with_is_left_alone(settings):
    begin = start(committed=torch.ones(1, A))
    search(begin, Objective(), settings, seeded())
    assert not begin.mean.any()
    assert not begin.prior.any()


@pytest.mark.parametrize('allowed', [1, 2, 3])
def test_keep_going_limits_the_iterations(settings, allowed):
    asked = []

    def keep_going(iteration):
        asked.append(iteration)
        return iteration < allowed

    objective = Objective()
    result = search(start(), objective, settings, seeded(), keep_going)
    assert result.num_iterations == len(objective.asked) == allowed
    assert asked == list(range(1, allowed + 1))


def test_fewer_iterations_are_the_first_of_more(settings):
    short = search(start(), Objective(), settings, seeded(), lambda iteration: iteration < 2)
    full = search(start(), Objective(), replace(settings, num_iterations=2), seeded())
    assert torch.equal(short.last.mean, full.last.mean)


def test_the_return_of_the_prior_is_told(settings):
    prior = torch.full((T, A), 0.5)
    result = search(start(prior=prior), Objective(), settings, seeded())
    assert result.prior_return == pytest.approx(float(-((prior - TARGET) ** 2).sum()))


def test_a_sharp_search_is_never_worse_than_the_prior(settings):
    settings = replace(settings, inverse_temperature=1e6)
    result = search(start(prior=TARGET), Objective(), settings, seeded())
    assert result.prior_return == 0.0
    assert torch.equal(result.last.mean, TARGET)
    assert result.last.elite_return == 0.0


def test_one_candidate_of_nan_does_not_disable_the_search(settings):
    objective = Objective()

    def score(candidates):
        returns = objective(candidates)
        returns[[0, 7]] = math.nan
        returns[9] = math.inf
        return returns

    result = search(start(), score, settings, seeded())
    assert result.num_iterations == 4
    assert torch.isfinite(result.last.mean).all()
    assert (result.last.mean - TARGET).norm() < TARGET.norm()


def test_an_iteration_without_a_finite_return_ends_the_search_without_a_result(settings):
    assert search(start(), lambda c: torch.full((len(c),), math.nan), settings, seeded()) is None


@pytest.mark.parametrize('broken', [0, 1, 3])
def test_one_such_iteration_is_enough_whatever_those_after_it_find(settings, broken):
    objective = Objective()

    def score(candidates):
        returns = objective(candidates)
        return returns * math.nan if len(objective.asked) == broken + 1 else returns

    assert search(start(), score, settings, seeded()) is None


def test_no_iterations_give_no_result(settings):
    objective = Objective()
    settings = replace(settings, num_iterations=0)
    assert search(start(), objective, settings, seeded()) is None
    assert objective.asked == []


def test_a_horizon_of_one_keeps_its_axis(settings):
    objective = Objective(torch.tensor([[0.4, -0.4]]))
    settings = replace(settings, num_iterations=8)
    result = search(start(horizon=1), objective, settings, seeded())
    assert result.last.mean.shape == (1, A)
    assert (result.last.mean - objective.target).abs().max() < 0.1


def test_one_sample_is_enough_to_go_on():
    settings = MppiSettings(
        num_samples=1, num_policy_samples=0, num_iterations=30, elite_fraction=0.14
    )
    result = search(start(), Objective(), settings, seeded())
    assert settings.num_elites == 1
    # the best of mean, prior and sample in each iteration: never worse than where it began
    assert result.last.elite_return >= result.prior_return


# What may be added to the search


def test_reused_elites_are_never_lost(settings):
    """With reuse the elites' mean return can only grow: the old ones still compete."""
    settings = replace(settings, reuses_elites=True, inverse_temperature=0.0, num_samples=8)
    returns = [
        float(
            search(
                start(), Objective(), replace(settings, num_iterations=n), seeded(4)
            ).last.elite_return
        )
        for n in range(1, 8)
    ]
    assert returns == sorted(returns)


def test_reused_elites_are_not_scored_again(settings):
    objective = Objective()
    search(start(), objective, replace(settings, reuses_elites=True), seeded())
    assert [len(candidates) for candidates in objective.asked] == [72] * 4


def test_before_the_first_iteration_there_are_no_elites_to_reuse(settings):
    one = replace(settings, num_iterations=1)
    plain = search(start(), Objective(), one, seeded())
    reusing = search(start(), Objective(), replace(one, reuses_elites=True), seeded())
    assert torch.equal(plain.last.mean, reusing.last.mean)


def test_the_spread_keeps_its_share_of_the_one_before(settings):
    one = replace(settings, num_iterations=1)
    plain = search(start(), Objective(), one, seeded()).last.std
    kept = search(start(), Objective(), replace(one, std_momentum=0.25), seeded()).last.std
    torch.testing.assert_close(kept, 0.75 * plain + 0.25 * settings.initial_std)


def test_smooth_noise_gives_smooth_candidates(settings):
    objective = Objective()
    smooth = replace(settings, noise_correlation=0.99, num_samples=500)
    search(start(), objective, smooth, seeded())
    samples = objective.asked[0][2:502]
    assert samples.diff(dim=1).std() < 0.25 * samples.std()
