"""What a world model is trained for: predict the latents, and what they are worth.

Source:
    Levy et al. 2026, "Simulation Distillation", as released: MSE of latents against the encoder's
    own of what really followed, of rewards and values, and four times that of the expert's
    actions, all on scaled targets; no moving average of the encoder.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from simdist_ros.core.errors import ConfigError
from simdist_ros.pretraining.train.observation_noise import add_noise
from simdist_ros.pretraining.train.settings import TrainSettings
from simdist_ros.transitions.training_windows import Windows
from simdist_ros.world_model.context_windows import true_latents
from simdist_ros.world_model.encoders.encoder import Context
from simdist_ros.world_model.losses import weighted_mse
from simdist_ros.world_model.model import WorldModel

__all__ = ['Batch', 'Losses', 'WorldModelLoss']


class Batch(NamedTuple):
    """`Windows` as tensors; `weight` says which steps count, 0 or 1."""

    proprio_obs: Tensor
    extero_obs: Tensor
    actions: Tensor
    commands: Tensor
    rewards: Tensor
    next_values: Tensor
    action_weight: Tensor
    weight: Tensor

    @classmethod
    def from_windows(cls, windows: Windows, device: torch.device | str = 'cpu') -> Batch:
        """Copy windows to a device.

        A step counts where it was recorded or comes after a fall; the expert's action counts
        until the first step that was not the expert's.

        Raises:
            ConfigError: The data have no rewards, values or expert flags.
        """
        if windows.rewards is None or windows.next_values is None or windows.is_expert is None:
            raise ConfigError(
                'the data hold no rewards, values or expert flags, so that they cannot teach '
                'them; train on what `simdist pretrain collect` wrote'
            )
        arrays = (
            windows.proprio_obs,
            windows.extero_obs,
            windows.actions,
            windows.commands,
            windows.rewards,
            windows.next_values,
            (windows.is_expert & windows.is_known).cumprod(axis=1),
            windows.is_known | windows.has_ended,
        )
        return cls(*(torch.as_tensor(x, dtype=torch.float32).to(device) for x in arrays))


class Losses(NamedTuple):
    """Mean squared errors on scaled targets, and their weighted sum."""

    total: Tensor
    latent: Tensor
    reward: Tensor
    value: Tensor
    action: Tensor


class WorldModelLoss(nn.Module):
    """A world model together with its loss, as one module."""

    def __init__(self, model: WorldModel, settings: TrainSettings) -> None:
        """Take the model whose parameters are trained."""
        super().__init__()
        self.model = model
        self.settings = settings

    def forward(self, batch: Batch, noise: Tensor | None = None) -> Losses:
        """Return the losses of a batch.

        Args:
            batch: Raw units; what is to be predicted is never noisy.
            noise: Added to what the model sees: its H + 1 observations, then what is around, end
                to end, (B, (H + 1) * P + E); None for none.
        """
        model, past = self.model, self.model.architecture.history_steps
        seen, ground = batch.proprio_obs[:, : past + 1], batch.extero_obs
        if noise is not None:
            seen, ground = add_noise(noise, seen, ground)
        history, future = batch.actions[:, :past], batch.actions[:, past:]
        with torch.no_grad():
            target = true_latents(model, batch)
        context = model.encode(seen, history, ground)
        latents = model.predict(model.memory(context), future)
        scale = model.normalizer.scale
        commands = scale('commands', batch.commands)
        rewards = model.heads.rewards(context.latent, latents, scale('actions', future), commands)
        values = model.heads.values(latents, commands)
        weight = batch.weight
        latent = weighted_mse(latents, target, weight.unsqueeze(-1))
        reward = weighted_mse(rewards, scale('rewards', batch.rewards), weight)
        value = weighted_mse(values, scale('values', batch.next_values), weight)
        action = self.action_loss(context, batch, commands)
        s = self.settings
        total = (
            s.latent_weight * latent
            + s.reward_weight * reward
            + s.value_weight * value
            + s.action_weight * action
        )
        return Losses(total, latent, reward, value, action)

    def action_loss(self, context: Context, batch: Batch, commands: Tensor) -> Tensor:
        """Return the error of the policy, computed only for windows in which the expert acts."""
        chosen = batch.action_weight[:, 0] > 0
        if not chosen.any():
            chosen = torch.zeros_like(chosen)
            chosen[0] = True  # its weights are 0; every parameter still takes part
        part = Context(*(x[chosen] for x in context))
        wanted = batch.actions[chosen, self.model.architecture.history_steps :]
        actions = self.model.heads.policy(part, commands[chosen])
        target = self.model.normalizer.scale('actions', wanted)
        return weighted_mse(actions, target, batch.action_weight[chosen].unsqueeze(-1))
