"""Finetuning: what it changes, what it leaves, what it repeats, when it stops."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from simdist_ros.adaptation.adapt import data_of_episodes
from simdist_ros.adaptation.finetune import Finetuning, finetune
from simdist_ros.adaptation.methods import make_method
from simdist_ros.adaptation.prepared_windows import fill_pool
from simdist_ros.adaptation.settings import METHODS, FinetuneSettings
from simdist_ros.adaptation.whole_windows import windows_of
from simdist_ros.core.errors import ConfigError
from simdist_ros.transitions.shards.replay import InMemoryEpisodes, Replay
from simdist_ros.transitions.training_windows import CHUNK, evenly
from simdist_ros.world_model.losses import masked_mse
from simdist_ros.world_model.store.checkpoint import serialise
from simdist_ros.world_model.store.manifest import sha256

from .conftest import lived

QUICK = FinetuneSettings(
    max_steps=20, validation_interval=10, batch_size=8, residual_hidden=8, dynamics_rate=3e-3
)


@pytest.fixture
def data(episodes, architecture):
    return data_of_episodes(episodes, episodes.numbers, architecture).finetune


def hashes(model):
    return {name: sha256(content) for name, content in serialise(model).items()}


def changed(before, after):
    return {name for name in before | after if before.get(name) != after.get(name)}


@pytest.mark.parametrize(
    ('method', 'files'),
    [
        ('dynamics', {'dynamics.safetensors'}),
        ('residual', {'residual.safetensors'}),
        ('policy', {'heads.safetensors'}),
        ('all', {'encoder.safetensors', 'dynamics.safetensors'}),
    ],
)
def test_only_what_is_trained_changes(model, data, method, files):
    before = hashes(model)
    result = finetune(model, data, replace(QUICK, method=method))
    assert changed(before, hashes(result.model)) == files
    assert hashes(model) == before
    assert result.error_after < result.error_before


def test_cloning_the_policy_leaves_reward_and_value(model, data):
    heads = finetune(model, data, replace(QUICK, method='policy')).model.heads
    for name, tensor in model.heads.state_dict().items():
        same = torch.equal(tensor, heads.state_dict()[name])
        assert same is not name.startswith('policy_head'), name


def test_the_dynamics_under_a_residual_may_be_trained_and_the_residual_stays(model, data):
    corrected = finetune(model, data, replace(QUICK, method='residual')).model
    again = finetune(corrected, data, QUICK).model
    assert changed(hashes(corrected), hashes(again)) == {'dynamics.safetensors'}


def test_a_residual_changes_nothing_before_its_first_step(model, data):
    plain = Finetuning(model, data, QUICK)
    residual = Finetuning(model, data, replace(QUICK, method='residual'))
    assert residual.held_out_error() == plain.held_out_error()
    windows = data.stop.gather(np.arange(5))
    method = make_method(model, replace(QUICK, method='residual'))
    predicted, actions, _, _ = method.prepare(windows)
    assert torch.equal(predicted + model.residual(predicted, actions), predicted)


@pytest.mark.parametrize('method', METHODS)
def test_the_same_seed_gives_the_same_weights_and_another_seed_others(model, data, method):
    settings = replace(QUICK, method=method)
    first, second = (hashes(finetune(model, data, settings).model) for _ in range(2))
    other = hashes(finetune(model, data, replace(settings, seed=1)).model)
    assert first == second
    assert first != other


def test_a_replay_on_disk_gives_the_weights_that_the_bags_episodes_give(
    model, episodes, robot, architecture, tmp_path
):
    replay = Replay(tmp_path / 'replay', robot)
    for episode in episodes.episodes[:5]:
        replay.add(episode)
    held = InMemoryEpisodes(episodes.episodes[:5])
    results = []
    for source, numbers in ((held, held.numbers), (replay.dataset(), replay.numbers)):
        data = data_of_episodes(source, numbers, architecture).finetune
        results.append(hashes(finetune(model, data, QUICK).model))
    assert results[0] == results[1]


@pytest.mark.parametrize('method', ['dynamics', 'residual', 'policy'])
def test_what_is_frozen_is_computed_once(model, data, method):
    finetuning = Finetuning(model, data, replace(QUICK, method=method))
    calls = []
    frozen = [finetuning.model.encoder.proprio, finetuning.model.encoder.fusion]
    if method == 'residual':
        frozen.append(finetuning.model.dynamics)
    for module in frozen:
        module.register_forward_hook(lambda *_: calls.append(1))
    for step in range(3):
        finetuning.step(step)
    finetuning.held_out_error()
    assert not calls


def test_it_stops_when_the_held_out_error_falls_no_further_and_keeps_the_best(model, data):
    settings = replace(QUICK, dynamics_rate=1e-8, max_steps=500, patience=3, min_improvement=0.01)
    result = finetune(model, data, settings)
    assert result.num_steps == 30
    assert result.best_step == 0
    assert result.ended == 'the held-out error fell no further'
    assert hashes(result.model) == hashes(model)


def test_the_weights_after_the_last_step_are_looked_at_whatever_the_interval(model, data):
    result = finetune(model, data, replace(QUICK, max_steps=5, validation_interval=3))
    assert list(result.errors) == [0, 3, 5]


def test_each_step_has_a_batch_of_its_own_and_the_same_one_again(model, data):
    finetuning = Finetuning(model, data, QUICK)
    first, second, again = (finetuning.batch(step)[1] for step in (1, 2, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, second)


def test_the_held_out_error_is_the_mean_over_as_many_windows_as_were_set(model, data):
    few = Finetuning(model, data, replace(QUICK, held_out_windows=5))
    windows = data.stop.gather(evenly(len(data.stop), 5))
    expected = few.method.error(few.method.prepare(windows)).item()
    assert few.held_out_error() == pytest.approx(expected, rel=1e-5)


def test_every_window_counts_alike_in_an_error_however_the_chunks_fall(model, data):
    method = make_method(model, QUICK)
    count = CHUNK + 10
    pool = fill_pool(method, data.train, count, 'training episodes')
    with torch.no_grad():
        last = method.error(tuple(x[CHUNK:] for x in pool.tensors)).item()
        expected = method.error(pool.tensors).item()
    assert last != pytest.approx(expected, rel=1e-3)  # a chunk of its own would weigh too much
    assert pool.error(method) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize('most', [1e-3, 0.1])
def test_gradients_are_clipped_to_the_norm_that_was_set(model, data, most):
    finetuning = Finetuning(model, data, replace(QUICK, max_grad_norm=most))
    finetuning.step(1)
    norm = torch.cat([p.grad.flatten() for p in finetuning.parameters]).norm().item()
    assert norm == pytest.approx(most, rel=1e-3)


def test_the_decay_that_was_set_keeps_a_residual_small(model, data):
    sizes = []
    for decay in (0.0, 50.0):
        settings = replace(QUICK, method='residual', residual_decay=decay, residual_rate=1e-2)
        finetuning = Finetuning(model, data, settings)
        for step in range(1, 11):
            finetuning.step(step)
        weights = [p.detach().flatten() for p in finetuning.parameters if p.dim() > 1]
        sizes.append(torch.cat(weights).norm().item())
    assert sizes[1] < 0.5 * sizes[0]


@pytest.mark.parametrize('method', METHODS)
def test_each_method_has_the_learning_rate_that_was_set_for_it(model, data, method):
    rates = {f'{name}_rate': 0.1 * (1 + place) for place, name in enumerate(METHODS)}
    finetuning = Finetuning(model, data, replace(QUICK, method=method, max_steps=1000, **rates))
    assert finetuning.rate(50) == pytest.approx(rates[f'{method}_rate'])


def test_the_learning_rate_rises_shortly_and_falls_to_the_last_step(model, data):
    finetuning = Finetuning(model, data, replace(QUICK, max_steps=1000, dynamics_rate=1.0))
    rates = [finetuning.rate(step) for step in range(1, 1001)]
    assert rates[0] == pytest.approx(0.02)
    assert rates[49:51] == [1.0, 1.0]
    assert np.all(np.diff(rates[:50]) > 0.0)
    assert np.all(np.diff(rates[51:]) < 0.0)
    assert 0.0 < rates[-1] < 0.01


def test_the_weights_that_it_keeps_have_the_error_that_it_reports(model, data):
    settings = replace(QUICK, dynamics_rate=0.05, max_steps=60)
    result = finetune(model, data, settings)
    assert result.error_after == min(result.errors.values())
    again = Finetuning(result.model, data, settings).held_out_error()
    assert again == pytest.approx(result.error_after, rel=1e-6)


def test_training_and_stopping_never_share_an_episode(episodes, architecture):
    data = data_of_episodes(episodes, episodes.numbers, architecture)
    first = [
        {float(x) for x in s.gather(np.arange(len(s))).proprio_obs[:, 0, 0]}
        for s in (data.finetune.train, data.finetune.stop, data.gate.judge)
    ]
    assert all(first)
    assert len(set.union(*first)) == sum(map(len, first))


def test_a_share_of_each_batch_is_rehearsed(model, data, architecture):
    steps = 40
    known = InMemoryEpisodes(
        tuple(
            lived(
                number,
                steps,
                rewards=np.full(steps, np.nan, np.float32),
                next_values=np.zeros(steps, np.float32),
                is_expert=np.ones(steps, bool),
            )
            for number in range(100, 103)
        )
    )
    windows = windows_of(known, np.arange(3), architecture)
    settings = replace(QUICK, rehearsal=0.25)
    finetuning = Finetuning(model, replace(data, rehearsal=windows), settings)
    rehearsed = finetuning.rehearsal.tensors[0]
    batch = finetuning.batch(0)[0]
    assert len(batch) == 8
    is_known = [any(torch.equal(row, r) for r in rehearsed) for row in batch]
    assert is_known == [False] * 6 + [True] * 2


@pytest.mark.parametrize('method', METHODS)
def test_labels_that_are_not_numbers_poison_nothing(model, data, architecture, method):
    steps = 40
    rewards = np.zeros(steps, np.float32)
    rewards[::3] = np.nan
    labels = {
        'rewards': rewards,
        'next_values': np.full(steps, np.nan, np.float32),
        'is_expert': np.ones(steps, bool),
    }
    known = InMemoryEpisodes(tuple(lived(number, steps, **labels) for number in range(100, 103)))
    windows = windows_of(known, np.arange(3), architecture)
    result = finetune(
        model, replace(data, rehearsal=windows), replace(QUICK, method=method, rehearsal=0.5)
    )
    assert all(np.isfinite(list(result.errors.values())))
    assert all(bool(p.isfinite().all()) for p in result.model.parameters())


def test_known_rewards_teach_the_reward_head_when_all_is_trained(model, data, architecture):
    steps = 40
    labels = {
        'rewards': np.ones(steps, np.float32),
        'next_values': np.ones(steps, np.float32),
        'is_expert': np.ones(steps, bool),
    }
    known = InMemoryEpisodes(tuple(lived(number, steps, **labels) for number in range(100, 103)))
    windows = windows_of(known, np.arange(3), architecture)
    settings = replace(QUICK, method='all', all_rate=1e-3)
    result = finetune(model, replace(data, rehearsal=windows), settings)
    before, after = (m.heads.reward_head.output.weight for m in (model, result.model))
    assert not torch.equal(before, after)


def test_the_error_leaves_out_what_does_not_count_even_nan():
    found = torch.tensor([[[1.0, 3.0], [5.0, 5.0]]], requires_grad=True)
    wanted = torch.tensor([[[0.0, 1.0], [torch.nan, torch.nan]]])
    error = masked_mse(found, wanted, torch.tensor([[1.0, 0.0]]))
    assert error.item() == 2.5  # (1 + 4) / 2
    error.backward()
    assert found.grad.tolist() == [[[1.0, 2.0], [0.0, 0.0]]]
    assert masked_mse(found, wanted, torch.zeros(1, 2)).item() == 0.0


def test_observations_that_are_not_finite_are_refused(model, architecture, episodes):
    bad = lived(50)
    bad.proprio_obs[20, 3] = np.nan
    held = InMemoryEpisodes((bad, *episodes.episodes[1:5]))
    data = data_of_episodes(held, held.numbers, architecture).finetune
    with pytest.raises(ConfigError, match='training episodes hold observations or actions'):
        finetune(model, data, QUICK)


def test_episodes_without_a_whole_window_are_refused(model, architecture):
    held = InMemoryEpisodes(tuple(lived(number, 3) for number in range(4)))
    data = data_of_episodes(held, held.numbers, architecture).finetune
    with pytest.raises(ConfigError, match='hold no window of history and horizon'):
        finetune(model, data, QUICK)


@pytest.mark.parametrize('count', [0, 1, 2])
def test_too_few_episodes_are_refused(architecture, episodes, count):
    held = InMemoryEpisodes(episodes.episodes[:count])
    with pytest.raises(ConfigError, match=f'hold {count} of the 3 episodes that are needed'):
        data_of_episodes(held, held.numbers, architecture)
