"""What a step learns from: which actions, which latents, in which units."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from simdist_ros.adaptation.methods import make_method
from simdist_ros.adaptation.settings import FinetuneSettings
from simdist_ros.adaptation.whole_windows import windows_of
from simdist_ros.transitions.shards.replay import InMemoryEpisodes
from simdist_ros.world_model.losses import masked_mse

from .conftest import H, T, lived

START = 10  # present step of the window


@pytest.fixture
def episode():
    episode = lived(3)
    episode.commands[:, 0] += 0.01 * np.arange(len(episode.commands))  # no two are alike
    return episode


@pytest.fixture
def windows(episode, architecture):
    return windows_of(InMemoryEpisodes((episode,)), np.array([0]), architecture).gather(
        np.array([START - H])
    )


@pytest.fixture
def by_hand(model, episode):
    """Context, executed actions and true latents, straight from the episode."""
    observed, acted = (torch.from_numpy(x)[None] for x in (episode.proprio_obs, episode.actions))
    ground = torch.from_numpy(episode.extero_obs[START])[None]
    context = model.encode(observed[:, START - H : START + 1], acted[:, START - H : START], ground)
    target = model.encode_latent(observed[:, START + 1 : START + T + 1], ground[:, None])
    return context, acted[:, START : START + T], target


@pytest.mark.parametrize('method', ['dynamics', 'residual', 'all'])
def test_the_error_is_that_of_the_latents_after_the_actions_from_now_on(
    model, windows, by_hand, method
):
    context, actions, target = by_hand
    with torch.no_grad():
        expected = (model.predict(model.memory(context), actions) - target).square().mean()
        learns = make_method(model, FinetuneSettings(method=method, residual_hidden=8))
        found = learns.error(learns.prepare(windows))
    assert found.item() == pytest.approx(expected.item(), rel=1e-4)


def test_dynamics_under_a_residual_learn_what_it_leaves(model, windows, by_hand):
    make_method(model, FinetuneSettings(method='residual', residual_hidden=8))
    with torch.no_grad():  # a new one changes nothing
        for parameter in model.residual.parameters():
            parameter.add_(0.1)
        context, actions, target = by_hand
        expected = (model.predict(model.memory(context), actions) - target).square().mean()
        scaled = model.normalizer.scale('actions', actions)
        alone = (model.dynamics(model.memory(context), scaled) - target).square().mean()
        learns = make_method(model, FinetuneSettings(method='dynamics'))
        found = learns.error(learns.prepare(windows))
    assert found.item() == pytest.approx(expected.item(), rel=1e-4)
    assert found.item() != pytest.approx(alone.item(), rel=1e-2)


def test_the_policy_is_cloned_on_scaled_actions_from_now_on(model, windows, by_hand, episode):
    context, actions, _ = by_hand
    assert len({command.tobytes() for command in windows.commands[0]}) == T + 1
    commands = torch.from_numpy(episode.commands[START : START + T + 1])[None]
    scale = model.normalizer.scale
    with torch.no_grad():
        prior = model.policy_prior(context, commands)
        expected = (scale('actions', prior) - scale('actions', actions)).square().mean()
        learns = make_method(model, FinetuneSettings(method='policy'))
        found = learns.error(learns.prepare(windows))
    assert found.item() == pytest.approx(expected.item(), rel=1e-4)


def test_labels_beyond_a_fall_do_not_count(model, architecture):
    """Of a window that begins two steps before a fall, two rewards and two values are known."""
    steps, known = 40, 2
    fallen = lived(
        3,
        steps,
        rewards=np.ones(steps, np.float32),
        next_values=np.full(steps, 2.0, np.float32),
        is_expert=np.ones(steps, bool),
        terminated=True,
    )
    bare = lived(3, steps, terminated=True)

    def error(one):
        sampler = windows_of(InMemoryEpisodes((one,)), np.array([0]), architecture)
        windows = sampler.gather(np.array([steps - known - H]))
        learns = make_method(model, FinetuneSettings(method='all'))
        return learns.error(learns.prepare(windows)), windows

    with torch.no_grad():
        (found, windows), (without, _) = error(fallen), error(bare)
        tensors = (windows.proprio_obs[:, : H + 1], windows.actions[:, :H], windows.extero_obs)
        context = model.encode(*map(torch.from_numpy, tensors))
        actions = torch.from_numpy(windows.actions[:, H:])
        latents = model.predict(model.memory(context), actions)
        scores = model.score(context, latents, actions, torch.from_numpy(windows.commands))
        scale = model.normalizer.scale
        expected = without
        for name, wanted in (('rewards', [1.0, 1.0]), ('values', [2.0, 0.0])):  # 0 from a fall on
            got = scale(name, getattr(scores, name))[:, :known]
            expected = expected + (got - scale(name, torch.tensor([wanted]))).square().mean()
    assert found.item() == pytest.approx(expected.item(), rel=1e-4)


def test_steps_that_were_not_recorded_do_not_count():
    found, wanted = torch.zeros(1, 2, 1), torch.tensor([[[1.0], [3.0]]])
    assert masked_mse(found, wanted, torch.tensor([[1.0, 1.0]])).item() == 5.0
    assert masked_mse(found, wanted, torch.tensor([[0.0, 1.0]])).item() == 9.0
