"""Errors of predictions, by step, by episode and as a share, computed by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from simdist_ros.adaptation.methods import make_method
from simdist_ros.adaptation.settings import FinetuneSettings
from simdist_ros.adaptation.whole_windows import windows_of
from simdist_ros.evaluation.intervals import Interval, t_quantile
from simdist_ros.evaluation.prediction import Prediction, predict
from simdist_ros.transitions.shards.replay import InMemoryEpisodes
from simdist_ros.transitions.training_windows import evenly

from .conftest import H, T, lived

NAN = np.nan
PREDICTION = Prediction(
    latent=np.array([[1.0, 2.0, 3.0], [5.0, NAN, NAN], [6.0, 10.0, NAN]]),
    held=np.array([[2.0, 2.0, 2.0], [4.0, NAN, NAN], [8.0, 8.0, NAN]]),
    action=np.array([[7.0, 7.0, 7.0], [9.0, NAN, NAN], [1.0, 3.0, NAN]]),
    spread=2.0,
    episode=np.array([4, 7, 4]),
)


def test_errors_are_shares_of_the_variance_and_those_of_actions_are_not():
    np.testing.assert_array_equal(PREDICTION.share()[0], [0.5, 1.0, 1.5])
    np.testing.assert_array_equal(PREDICTION.share('held')[0], [1.0, 1.0, 1.0])
    np.testing.assert_array_equal(PREDICTION.share('action')[0], [7.0, 7.0, 7.0])


def test_by_step_is_the_mean_over_the_windows_that_reach_it():
    np.testing.assert_allclose(PREDICTION.by_step(), [2.0, 3.0, 1.5])


def test_by_episode_each_window_counts_alike_however_much_of_it_was_recorded():
    np.testing.assert_allclose(PREDICTION.by_episode(), [(1.0 + 4.0) / 2, 2.5])
    np.testing.assert_allclose(PREDICTION.by_episode('action'), [(7.0 + 2.0) / 2, 9.0])


def test_a_prediction_is_compared_with_what_followed_and_with_standing_still(model, architecture):
    windows = windows_of(InMemoryEpisodes((lived(3),)), np.array([0]), architecture)
    found = predict(model, windows, 5)
    assert found.action is None
    numbers = evenly(len(windows), 5)
    assert found.latent.shape == (len(numbers), T)
    drawn = windows.gather(numbers)
    seen, ground = torch.from_numpy(drawn.proprio_obs), torch.from_numpy(drawn.extero_obs)
    with torch.inference_mode():
        latents = model.encode_latent(seen[:, H:], ground[:, None])
        now, then = latents[:, :1], latents[:, 1:]
        held = (now - then).square().mean(-1)
        spread = then.flatten(0, 1).var(0, correction=0).mean()
    np.testing.assert_allclose(found.held, held, rtol=1e-3)
    assert found.spread == pytest.approx(spread.item(), rel=1e-4)
    assert set(found.episode) == {0}


def test_all_is_trained_on_scaled_rewards_and_values_of_their_steps(model, architecture):
    steps = 40
    episode = lived(
        3,
        steps,
        rewards=np.arange(steps, dtype=np.float32),
        next_values=100.0 + np.arange(steps, dtype=np.float32),
        is_expert=np.ones(steps, bool),
    )
    bare = lived(3, steps)

    def error(one):
        windows = windows_of(InMemoryEpisodes((one,)), np.array([0]), architecture)
        drawn = windows.gather(np.array([4]))
        learns = make_method(model, FinetuneSettings(method='all'))
        return learns.error(learns.prepare(drawn)), drawn

    with torch.no_grad():
        found, windows = error(episode)
        without, _ = error(bare)
        tensors = (windows.proprio_obs[:, : H + 1], windows.actions[:, :H], windows.extero_obs)
        context = model.encode(*map(torch.from_numpy, tensors))
        actions = torch.from_numpy(windows.actions[:, H:])
        latents = model.predict(model.memory(context), actions)
        scores = model.score(context, latents, actions, torch.from_numpy(windows.commands))
        scale = model.normalizer.scale
        expected = without
        first = H + 4
        for name, offset in (('rewards', 0.0), ('values', 100.0)):
            wanted = offset + torch.arange(first, first + T, dtype=torch.float32)[None]
            got = getattr(scores, name)
            expected = expected + (scale(name, got) - scale(name, wanted)).square().mean()
    assert found.item() == pytest.approx(expected.item(), rel=1e-4)


@pytest.mark.parametrize(
    ('count', 'most', 'expected'),
    [(10, 3, [0, 4, 9]), (3, 10, [0, 1, 2]), (1, 5, [0]), (5, 1, [0])],
)
def test_evenly_spaced_are_the_first_the_last_and_those_between(count, most, expected):
    assert evenly(count, most).tolist() == expected
    assert evenly(0, most).tolist() == []


@pytest.mark.parametrize(
    ('freedom', 't'),
    [(1, 12.706), (2, 4.303), (10, 2.228), (11, 2.201), (30, 2.042), (1000, 1.962)],
)
def test_quantiles_are_those_of_the_tables(freedom, t):
    assert t_quantile(freedom) == pytest.approx(t, rel=1e-3)


def test_an_interval_of_logarithms_becomes_one_of_factors():
    found = Interval(0.0, -np.log(2.0), np.log(3.0)).exp()
    assert (found.mean, found.low, found.high) == pytest.approx((1.0, 0.5, 3.0))
