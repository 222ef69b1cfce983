"""The parts of the search, one iteration's worth, by hand."""

from __future__ import annotations

import math

import pytest
import torch

from simdist_ros.planning.mppi import improve, warm_start
from simdist_ros.planning.settings import MppiSettings

NAN, INF = math.nan, math.inf


def settings_of(candidates, elites, **others):
    """Return settings whose number of candidates and of elites are these."""
    settings = MppiSettings(
        num_samples=candidates - 2,
        num_policy_samples=0,
        elite_fraction=elites / candidates,
        **{'inverse_temperature': 1.0, **others},
    )
    assert (settings.num_candidates, settings.num_elites) == (candidates, elites)
    return settings


def constant_candidates(*values):
    """Return candidates of two steps and one joint that hold one number each, (K, 2, 1)."""
    return torch.tensor(values, dtype=torch.float32).reshape(-1, 1, 1).expand(-1, 2, 1)


@pytest.mark.parametrize(
    ('executed_steps', 'left'),
    [
        (0, [1, 2, 3, 4]),
        (1, [2, 3, 4, 4]),
        (2, [3, 4, 4, 4]),
        (3, [4, 4, 4, 4]),
        (4, [4, 4, 4, 4]),
        (99, [4, 4, 4, 4]),
    ],
)
def test_warm_start_drops_executed_actions_and_repeats_the_last(executed_steps, left):
    mean = torch.tensor([[1.0, -1.0], [2.0, -2.0], [3.0, -3.0], [4.0, -4.0]])
    expected = torch.tensor([[value, -value] for value in map(float, left)])
    assert torch.equal(warm_start(mean, executed_steps), expected)


def test_warm_start_of_a_horizon_of_one_keeps_its_only_action():
    mean = torch.tensor([[1.0, 2.0]])
    assert torch.equal(warm_start(mean, 0), mean)
    assert torch.equal(warm_start(mean, 1), mean)


@pytest.mark.parametrize('executed_steps', [0, 1])
def test_warm_start_is_a_copy(executed_steps):
    mean = torch.ones(3, 1)
    warm_start(mean, executed_steps)[:] = 9.0
    assert torch.equal(mean, torch.ones(3, 1))


def test_weights_by_hand():
    settings = settings_of(4, 2, inverse_temperature=math.log(3.0), min_std=1e-3)
    improved = improve(constant_candidates(0, 8, 4, 99), torch.tensor([1.0, 3, 2, -5]), settings)
    # elites 8 and 4, one return apart: weights 3/4 and 1/4
    torch.testing.assert_close(improved.mean, torch.full((2, 1), 7.0))
    torch.testing.assert_close(improved.std, torch.full((2, 1), math.sqrt(0.75 * 1 + 0.25 * 9)))
    assert improved.elite_return == pytest.approx(0.75 * 3 + 0.25 * 2)
    assert improved.effective_samples == pytest.approx(1 / (0.75**2 + 0.25**2))


def test_inverse_temperature_0_is_the_plain_mean_of_the_elites():
    settings = settings_of(5, 3, inverse_temperature=0.0)
    candidates = constant_candidates(1, 2, 6, 50, 70)
    improved = improve(candidates, torch.tensor([30.0, 20, 10, -10, -20]), settings)
    torch.testing.assert_close(improved.mean, torch.full((2, 1), 3.0))
    assert improved.effective_samples == pytest.approx(3.0)
    assert improved.elite_return == pytest.approx(20.0)


def test_high_inverse_temperature_is_the_best_candidate():
    settings = settings_of(5, 5, inverse_temperature=1e6)
    improved = improve(constant_candidates(1, 2, 3, 4, 5), torch.arange(5.0), settings)
    torch.testing.assert_close(improved.mean, torch.full((2, 1), 5.0))
    assert improved.effective_samples == pytest.approx(1.0)
    assert improved.elite_return == pytest.approx(4.0)


def test_all_candidates_as_elites_with_equal_returns_are_their_mean():
    improved = improve(constant_candidates(0, 3, 6), torch.full((3,), -7.0), settings_of(3, 3))
    torch.testing.assert_close(improved.mean, torch.full((2, 1), 3.0))
    torch.testing.assert_close(improved.std, torch.full((2, 1), math.sqrt(6.0)))


@pytest.mark.parametrize('constant', [-4096.0, 512.0])
def test_a_constant_added_to_all_returns_changes_nothing_but_the_return(constant):
    settings = settings_of(6, 4)
    candidates = torch.randn((6, 3, 2), generator=torch.Generator().manual_seed(0))
    returns = torch.tensor([0.5, 2.0, -1.25, 1.75, 0.25, 3.0])
    before, after = (improve(candidates, r, settings) for r in (returns, returns + constant))
    assert torch.equal(before.mean, after.mean)
    assert torch.equal(before.std, after.std)
    assert before.effective_samples == after.effective_samples
    assert after.elite_return == pytest.approx(before.elite_return + constant)


def test_the_order_of_the_candidates_changes_nothing():
    settings = settings_of(6, 3)
    candidates = torch.randn((6, 3, 2), generator=torch.Generator().manual_seed(0))
    returns = torch.tensor([0.5, 2.0, -1.25, 1.75, 0.25, 3.0])
    order = torch.tensor([3, 5, 0, 4, 1, 2])
    before = improve(candidates, returns, settings)
    after = improve(candidates[order], returns[order], settings)
    torch.testing.assert_close(before.mean, after.mean)
    torch.testing.assert_close(before.std, after.std)


@pytest.mark.parametrize('bad', [NAN, INF, -INF])
def test_a_return_that_is_not_finite_never_counts(bad):
    settings = settings_of(4, 2)
    improved = improve(
        constant_candidates(1, 2, 3, 1e6), torch.tensor([0.0, 0, -9, bad]), settings
    )
    torch.testing.assert_close(improved.mean, torch.full((2, 1), 1.5))
    assert improved.elite_return == pytest.approx(0.0)


@pytest.mark.parametrize('inverse_temperature', [0.0, 1.0, 1e6])
def test_fewer_finite_returns_than_elites_leave_fewer_elites(inverse_temperature):
    settings = settings_of(5, 4, inverse_temperature=inverse_temperature)
    returns = torch.tensor([NAN, 2.0, INF, 2.0, NAN])
    improved = improve(constant_candidates(1, 2, 3, 4, 5), returns, settings)
    torch.testing.assert_close(improved.mean, torch.full((2, 1), 3.0))
    torch.testing.assert_close(improved.std, torch.full((2, 1), 1.0))
    assert improved.effective_samples == pytest.approx(2.0)
    assert improved.elite_return == pytest.approx(2.0)


def test_a_candidate_of_nan_does_not_leak_through_its_weight_of_0():
    candidates = constant_candidates(1, 2, 3, NAN)
    improved = improve(candidates, torch.tensor([5.0, 5.0, 5.0, NAN]), settings_of(4, 4))
    torch.testing.assert_close(improved.mean, torch.full((2, 1), 2.0))
    assert torch.isfinite(improved.std).all()


@pytest.mark.parametrize('bad', [NAN, INF, -INF])
def test_there_is_no_improvement_without_a_finite_return(bad):
    improved = improve(constant_candidates(1, 2, 3), torch.full((3,), bad), settings_of(3, 2))
    assert not improved.is_finite


def test_one_candidate_is_its_own_mean_with_the_smallest_spread():
    settings = MppiSettings(min_std=0.125)
    candidates = torch.tensor([[[1.0, 2.0], [3.0, 4.0]]])
    improved = improve(candidates, torch.tensor([-5.0]), settings)
    assert torch.equal(improved.mean, candidates[0])
    assert torch.equal(improved.std, torch.full((2, 2), 0.125))
    assert improved.effective_samples == pytest.approx(1.0)
    assert improved.elite_return == pytest.approx(-5.0)


def test_the_spread_never_falls_below_the_smallest():
    settings = settings_of(3, 3, min_std=0.5)
    candidates = torch.tensor([[[0.0, 1.0]], [[0.0, 5.0]], [[0.0, 9.0]]])
    improved = improve(candidates, torch.zeros(3), settings)
    torch.testing.assert_close(improved.std, torch.tensor([[0.5, math.sqrt(32 / 3)]]))


@pytest.mark.parametrize(
    ('samples', 'policy_samples', 'fraction', 'elites'),
    [
        (128, 6, 0.14, 19),  # of 136 candidates
        (64, 2, 0.14, 10),  # of 68: cut with the samples
        (1, 0, 0.14, 1),  # of 3: never none
        (8, 0, 1e-4, 1),
        (8, 6, 1.0, 16),
    ],
)
def test_elites_are_a_fraction_of_all_candidates_and_at_least_one(
    samples, policy_samples, fraction, elites
):
    settings = MppiSettings(
        num_samples=samples, num_policy_samples=policy_samples, elite_fraction=fraction
    )
    assert settings.num_candidates == samples + policy_samples + 2
    assert settings.num_elites == elites
    candidates = torch.arange(float(settings.num_candidates)).reshape(-1, 1, 1)
    improved = improve(candidates, torch.zeros(settings.num_candidates), settings)
    assert improved.effective_samples == pytest.approx(elites)
