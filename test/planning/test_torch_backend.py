"""The stages of a tick as PyTorch runs them."""

from __future__ import annotations

import pytest
import torch

from simdist_ros.planning.backends.torch_backend import TorchBackend
from simdist_ros.planning.mppi import Search, begin
from simdist_ros.planning.settings import MppiSettings

from .situations import observe


@torch.inference_mode()
def returns_under(model, commands, actions):
    """Return what candidates are worth where commands are asked about, the first one wanted."""
    backend, a = TorchBackend(model), model.architecture
    situation = observe(a)
    arrays = ('proprio_obs_hist', 'acts_hist', 'extero_obs')
    asked = commands[:, None].expand(-1, a.horizon_steps + 1, -1)
    proposals = backend.observe(
        *(torch.tensor(getattr(situation, name))[None] for name in arrays), asked
    )
    backend.remember()
    return proposals, backend.score(actions, 0.99)


@pytest.mark.parametrize('gamma', [0.0, 0.5, 1.0])
@torch.inference_mode()
def test_an_iteration_discounts_as_the_settings_say(small_model, gamma):
    backend, a = TorchBackend(small_model), small_model.architecture
    situation = observe(a)
    arrays = ('proprio_obs_hist', 'acts_hist', 'extero_obs')
    commands = torch.tensor(situation.command).expand(1, a.horizon_steps + 1, -1)
    prior = backend.observe(
        *(torch.tensor(getattr(situation, name))[None] for name in arrays), commands
    )[0]
    backend.remember()
    settings = MppiSettings(num_samples=2, num_policy_samples=0, gamma=gamma)
    bound = torch.full((a.action_dim,), 9.0)
    start = Search(prior, prior, -bound, bound, torch.zeros(0, a.action_dim))
    noise = torch.zeros(2, a.horizon_steps, a.action_dim)
    found = backend.step(settings, start, begin(start, settings), noise).prior_return
    context = backend.context
    (latents,) = backend.stages.predict(*backend.memory, prior[None])
    rewards, last = backend.stages.judge(*context, latents, prior[None], commands)
    weights = gamma ** torch.arange(a.horizon_steps)
    expected = (weights * rewards[0]).sum() + gamma**a.horizon_steps * last[0]
    torch.testing.assert_close(found, expected)


def test_candidates_are_judged_by_the_first_command_and_proposed_for_each(small_model):
    a = small_model.architecture
    rng = torch.Generator().manual_seed(0)
    commands = torch.randn(3, a.command_dim, generator=rng)
    actions = torch.randn(4, a.horizon_steps, a.action_dim, generator=rng)
    proposals, together = returns_under(small_model, commands, actions)
    for index in range(3):
        alone, returns = returns_under(small_model, commands[index : index + 1], actions)
        torch.testing.assert_close(proposals[index], alone[0])
        assert torch.allclose(together, returns, rtol=1e-5) == (index == 0)
