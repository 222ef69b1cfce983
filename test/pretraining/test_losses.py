from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from simdist_ros.core.errors import ConfigError
from simdist_ros.pretraining.losses import Batch, WorldModelLoss, weighted_mse
from simdist_ros.pretraining.train_normalizer import fit_normalizer
from simdist_ros.pretraining.train_settings import TrainSettings
from simdist_ros.transitions.shards import open_dataset
from simdist_ros.transitions.windows import Windows, WindowSampler
from simdist_ros.world_model.model import WorldModel

from .transitions import ROBOT, TINY, write_data

SETTINGS = TrainSettings(num_steps=10, warmup_steps=1)
H, T = TINY.history_steps, TINY.horizon_steps


@pytest.fixture(scope='module')
def sampler(tmp_path_factory) -> WindowSampler:
    dataset = open_dataset(write_data(tmp_path_factory.mktemp('data'), episodes=4), ROBOT)
    return WindowSampler(dataset, np.arange(4), history_steps=H, horizon_steps=T)


@pytest.fixture
def windows(sampler) -> Windows:
    return sampler.draw(16, np.random.default_rng(0))


@pytest.fixture
def loss() -> WorldModelLoss:
    return WorldModelLoss(WorldModel(TINY, seed=3), SETTINGS)


def test_an_error_counts_only_where_it_has_weight():
    found = torch.tensor([[1.0, 2.0, 100.0]])
    weight = torch.tensor([[1.0, 1.0, 0.0]])
    assert weighted_mse(found, torch.zeros(1, 3), weight) == pytest.approx(2.5)
    deep = torch.ones(1, 3, 4)
    assert weighted_mse(deep, torch.zeros(1, 3, 4), weight.unsqueeze(-1)) == pytest.approx(1.0)
    assert weighted_mse(found, torch.zeros(1, 3), torch.zeros(1, 3)) == 0.0


def test_the_total_is_the_weighted_sum(loss, windows):
    with torch.no_grad():
        losses = loss(Batch.from_windows(windows))
    expected = losses.latent + losses.reward + losses.value + 4.0 * losses.action
    assert losses.total == pytest.approx(float(expected))


def test_the_targets_of_the_latents_get_no_gradient(loss, windows):
    batch = Batch.from_windows(windows)
    future = batch.proprio_obs[:, H + 1 :].clone().requires_grad_()
    seen = batch.proprio_obs[:, : H + 1]
    loss(batch._replace(proprio_obs=torch.cat([seen, future], dim=1))).latent.backward()
    assert future.grad is None or not future.grad.any()


def test_the_action_term_ends_where_the_expert_does(windows):
    flags = np.zeros((16, T), dtype=bool)
    flags[0] = [True, True, False, True]
    flags[1] = [False, True, True, True]
    known = np.ones((16, T), dtype=bool)
    batch = Batch.from_windows(replace(windows, is_expert=flags, is_known=known))
    assert batch.action_weight[0].tolist() == [1.0, 1.0, 0.0, 0.0]
    assert batch.action_weight[1].tolist() == [0.0] * T


def test_a_batch_without_the_expert_has_no_action_error_and_every_gradient(loss, windows):
    batch = Batch.from_windows(replace(windows, is_expert=np.zeros((16, T), dtype=bool)))
    losses = loss(batch)
    assert losses.action == 0.0
    losses.total.backward()
    assert all(parameter.grad is not None for parameter in loss.parameters())


def test_what_lies_behind_a_recordings_end_counts_nothing_and_behind_a_fall_it_does(windows):
    known = np.ones((16, T), dtype=bool)
    known[:2, 2:] = False
    ended = np.zeros((16, T), dtype=bool)
    ended[1, 2:] = True
    weight = Batch.from_windows(replace(windows, is_known=known, has_ended=ended)).weight
    assert weight[0].tolist() == [1.0, 1.0, 0.0, 0.0]
    assert weight[1].tolist() == [1.0] * T


def test_noise_changes_what_is_seen_but_not_what_is_to_be_predicted(loss, windows):
    batch = Batch.from_windows(windows)
    cells = batch.extero_obs.shape[1]
    seen = (H + 1) * batch.proprio_obs.shape[2]
    nothing = torch.zeros(16, seen + cells)
    loss.requires_grad_(False)
    assert loss(batch, nothing).total == pytest.approx(float(loss(batch).total))
    noise = nothing.clone()
    noise[:, :seen] = 0.1
    assert loss(batch, noise).total != pytest.approx(float(loss(batch).total))
    noisy = batch._replace(proprio_obs=batch.proprio_obs.clone())
    noisy.proprio_obs[:, : H + 1] += 0.1
    assert loss(noisy).total == pytest.approx(float(loss(batch, noise).total))


def test_data_without_rewards_teach_no_rewards(windows):
    with pytest.raises(ConfigError, match='hold no rewards'):
        Batch.from_windows(replace(windows, rewards=None))


def test_a_fitted_normalizer_scales_to_mean_zero_and_deviation_one(sampler):
    normalizer = WorldModel(TINY).normalizer
    fit_normalizer(normalizer, sampler, ROBOT, seed=0)
    drawn = sampler.draw(2000, np.random.default_rng(1))
    scaled = normalizer.scale('actions', torch.as_tensor(drawn.actions[:, H:][drawn.is_known]))
    assert scaled.mean(0).abs().max() < 0.1
    assert (scaled.std(0) - 1.0).abs().max() < 0.1
    assert (normalizer.action_low < normalizer.action_high).all()
    assert (normalizer.action_low >= drawn.actions.min() - 1e-6).all()


def test_what_never_changes_in_the_data_is_not_blown_up(sampler):
    normalizer = WorldModel(TINY).normalizer
    fit_normalizer(normalizer, sampler, ROBOT, seed=0)
    assert normalizer.proprio_obs_std[:3].tolist() == pytest.approx([0.05] * 3)
