from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from simdist_ros.core.errors import ConfigError
from simdist_ros.pretraining.train.fit_normalizer import fit_normalizer
from simdist_ros.pretraining.train.losses import Batch, WorldModelLoss
from simdist_ros.pretraining.train.settings import TrainSettings
from simdist_ros.transitions.episode import Episode
from simdist_ros.transitions.shards.dataset import open_dataset
from simdist_ros.transitions.shards.manifest import robot_sizes
from simdist_ros.transitions.shards.replay import InMemoryEpisodes
from simdist_ros.transitions.training_windows import Windows, WindowSampler
from simdist_ros.world_model.losses import weighted_mse
from simdist_ros.world_model.model import WorldModel

from .transitions import ROBOT, TINY, write_data

SETTINGS = TrainSettings(num_steps=10, warmup_steps=1)
ROBOT_SIZES = robot_sizes(ROBOT)
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


def ramp(steps: int = 40, terminated: bool = False) -> Episode:
    """An episode in which every number says which step it is of."""
    state = np.arange(1.0, steps + 2, dtype=np.float32)
    step = state[:-1, None]
    commands = np.repeat(state[:, None] + 100.0, ROBOT_SIZES['commands'], axis=1)
    commands[-1] = 1e4  # asked for when nothing answered any more
    return Episode(
        proprio_obs=np.repeat(state[:, None], ROBOT_SIZES['proprio_obs'], axis=1),
        extero_obs=np.repeat(0.01 * state[:, None], ROBOT_SIZES['extero_obs'], axis=1),
        actions=np.repeat(step, ROBOT_SIZES['actions'], axis=1),
        commands=commands,
        rewards=step[:, 0] + 200.0,
        next_values=step[:, 0] + 300.0,
        is_expert=np.ones(steps, dtype=bool),
        terminated=terminated,
    )


def fitted(*episodes: Episode):
    held = InMemoryEpisodes(episodes)
    where = np.arange(len(episodes))
    sampler = WindowSampler(held, where, history_steps=H, horizon_steps=T)
    model = WorldModel(TINY)
    fit_normalizer(model.normalizer, sampler, ROBOT, seed=0)
    return model.normalizer


def test_a_normalizer_is_fitted_to_the_steps_that_a_window_predicts():
    """Not to its past, which before an episode is made of zeros."""
    found = fitted(ramp(40))
    assert found.action_low.min() >= 1.0
    assert found.action_high.max() == pytest.approx(40.0, abs=1.0)
    middle = pytest.approx(20.5, abs=1.0)
    assert found.actions_mean[0].item() == middle
    assert found.commands_mean[0].item() - 100.0 == middle
    assert found.rewards_mean[0].item() - 200.0 == middle
    assert found.values_mean[0].item() - 300.0 == middle
    uniform = (40 - T) / 12**0.5  # where windows may be, each step as often as the others
    for name in ('proprio_obs', 'actions', 'commands', 'rewards', 'values'):
        assert getattr(found, f'{name}_std')[0].item() == pytest.approx(uniform, rel=0.15), name
    assert found.proprio_obs_mean[0].item() == pytest.approx((1 + 41 - T) / 2, abs=1.0)


def test_rewards_behind_a_fall_count_as_zero_and_behind_a_recordings_end_not_at_all():
    falls = fitted(ramp(6, terminated=True))
    ends = fitted(ramp(T - 1))
    assert falls.rewards_mean[0] < 190.0
    assert ends.rewards_mean[0].item() == pytest.approx(200.0 + T / 2, abs=0.2)
    assert falls.actions_mean[0].item() == pytest.approx(3.5, abs=1.0)


@pytest.fixture
def scaled(sampler) -> WorldModelLoss:
    """A model whose normalizer was fitted: raw and scaled numbers differ."""
    model = WorldModel(TINY, seed=3)
    fit_normalizer(model.normalizer, sampler, ROBOT, 0)
    return WorldModelLoss(model, SETTINGS).requires_grad_(False)


def predicted(model, batch):
    context = model.encode(batch.proprio_obs[:, : H + 1], batch.actions[:, :H], batch.extero_obs)
    actions = batch.actions[:, H:]
    latents = model.predict(model.memory(context), actions)
    return context, latents, model.score(context, latents, actions, batch.commands)


def perfect(model, batch):
    """Return the batch in which what the model predicts comes true."""
    context, latents, scores = predicted(model, batch)
    truth = batch._replace(
        rewards=scores.rewards,
        next_values=scores.values,
        weight=torch.ones_like(batch.weight),
        action_weight=torch.ones_like(batch.weight),
    )
    wanted = torch.cat([batch.actions[:, :H], model.policy_prior(context, batch.commands)], 1)
    return truth, truth._replace(actions=wanted), latents


def test_predictions_that_come_true_lose_nothing_and_a_step_off_they_do(scaled, windows):
    batch, expert, _ = perfect(scaled.model, Batch.from_windows(windows))
    losses = scaled(batch)
    assert losses.reward == pytest.approx(0.0, abs=1e-8)
    assert losses.value == pytest.approx(0.0, abs=1e-8)
    assert scaled(expert).action == pytest.approx(0.0, abs=1e-8)
    for name, which in (('rewards', 'reward'), ('next_values', 'value')):
        early = batch._replace(**{name: getattr(batch, name).roll(1, dims=1)})
        assert getattr(scaled(early), which) > 1e-6
    off = torch.cat([expert.actions[:, :H], expert.actions[:, H:].roll(1, dims=1)], dim=1)
    assert scaled(expert._replace(actions=off)).action > 1e-6


def test_latents_are_compared_with_those_of_the_states_they_predict(scaled, windows):
    batch, _, latents = perfect(scaled.model, Batch.from_windows(windows))
    target = scaled.model.encode_latent(batch.proprio_obs[:, H + 1 :], batch.extero_obs[:, None])
    expected = (latents - target).square().mean()
    torch.testing.assert_close(scaled(batch).latent, expected)


def test_what_has_no_weight_changes_no_error(scaled, windows):
    batch = Batch.from_windows(windows)
    weight = torch.ones_like(batch.weight)
    weight[:, 2:] = 0.0
    batch = batch._replace(weight=weight, action_weight=weight)
    before = scaled(batch)

    def changed(name, start):
        values = getattr(batch, name).clone()
        values[:, start:] += 1.0
        return scaled(batch._replace(**{name: values}))

    for name, which, first in (
        ('rewards', 'reward', 0),
        ('next_values', 'value', 0),
        ('proprio_obs', 'latent', H + 1),
        ('actions', 'action', H),
    ):
        same, other = changed(name, first + 2), changed(name, first + 1)
        torch.testing.assert_close(getattr(same, which), getattr(before, which), msg=name)
        assert not torch.allclose(getattr(other, which), getattr(before, which)), name


def test_each_error_has_its_own_weight_in_the_total(windows):
    settings = replace(
        SETTINGS, latent_weight=2.0, reward_weight=3.0, value_weight=5.0, action_weight=7.0
    )
    loss = WorldModelLoss(WorldModel(TINY, seed=3), settings)
    with torch.no_grad():
        found = loss(Batch.from_windows(windows))
    expected = 2.0 * found.latent + 3.0 * found.reward + 5.0 * found.value + 7.0 * found.action
    assert found.total == pytest.approx(float(expected))
