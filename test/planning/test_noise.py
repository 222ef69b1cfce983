"""The draws: one order whatever was drawn ahead, and correlated as set."""

from __future__ import annotations

import pytest
import torch

from simdist_ros.planning.search_noise import SearchNoise, correlation
from simdist_ros.planning.settings import MppiSettings

SHAPE = (5, 2)
SETTINGS = MppiSettings(num_samples=6, num_policy_samples=1, num_iterations=3)


def seeded(seed=0):
    return SearchNoise(torch.Generator().manual_seed(seed))


def blocks(noise, count, settings=SETTINGS):
    return [noise.take(settings, SHAPE) for _ in range(count)]


def test_a_block_has_noise_for_every_candidate_that_needs_some():
    assert blocks(seeded(), 1)[0].shape == (7, 5, 2)


@pytest.mark.parametrize('ahead_of', [0, 1, 3])
def test_what_is_drawn_ahead_is_what_would_have_been_drawn(ahead_of):
    plain, prepared = seeded(), seeded()
    found = []
    for index in range(5):
        if index == ahead_of:
            prepared.prepare(SETTINGS, SHAPE)
        found += blocks(prepared, 1)
    for one, two in zip(blocks(plain, 5), found, strict=True):
        assert torch.equal(one, two)


def test_no_more_is_drawn_ahead_than_a_plan_takes():
    noise = seeded()
    for _ in range(4):
        noise.prepare(SETTINGS, SHAPE)
    assert len(noise.ahead) == SETTINGS.num_iterations


def test_mixing_by_hand():
    root = 0.75**0.5  # sqrt(1 - 0.5^2)
    expected = torch.tensor([[1.0, 0.0, 0.0], [0.5, root, 0.0], [0.25, 0.5 * root, root]])
    torch.testing.assert_close(correlation(3, 0.5), expected)


@pytest.mark.parametrize('rho', [0.3, 0.9, 0.999])
def test_every_step_has_variance_1_and_its_neighbours_their_correlation(rho):
    mixing = correlation(25, rho)
    step = torch.arange(25)
    expected = rho ** (step[:, None] - step).abs().float()
    torch.testing.assert_close(mixing @ mixing.T, expected, rtol=0.0, atol=1e-5)


def test_a_horizon_of_one_step_is_left_white():
    assert torch.equal(correlation(1, 0.9), torch.ones(1, 1))


def test_correlated_noise_is_the_mixed_white_noise():
    smooth = MppiSettings(num_samples=6, num_policy_samples=1, noise_correlation=0.9)
    white = blocks(seeded(), 1)[0]
    mixed = blocks(seeded(), 1, smooth)[0]
    torch.testing.assert_close(mixed, correlation(5, 0.9) @ white)
