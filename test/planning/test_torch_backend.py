"""The stages of a tick as PyTorch runs them."""

from __future__ import annotations

import torch

from simdist_ros.planning.backends.torch_backend import TorchBackend

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
