"""What each method trains, what of it need be computed only once, and its error.

Source:
    `dynamics`: Levy et al. 2026, "Simulation Distillation": squared error of the predicted latents
    against the frozen encoder's own of what followed. `residual`: see `Residual`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from simdist_ros.adaptation.settings import FinetuneSettings
from simdist_ros.transitions.training_windows import Windows
from simdist_ros.world_model.context_windows import context_of, tensor, true_latents
from simdist_ros.world_model.encoders.encoder import Context
from simdist_ros.world_model.losses import masked_mse
from simdist_ros.world_model.model import WorldModel
from simdist_ros.world_model.residual import Residual

__all__ = ['Encoded', 'Method', 'make_method']

Encoded = tuple[Tensor, ...]


class Method(ABC):
    """One way to finetune a model."""

    def __init__(self, model: WorldModel, settings: FinetuneSettings) -> None:
        """Freeze the model but for what the method trains."""
        self.model, self.settings = model, settings
        self.past = model.architecture.history_steps
        model.requires_grad_(False)
        for module in self.trained():
            module.requires_grad_(True)

    @abstractmethod
    def trained(self) -> list[nn.Module]:
        """Return the parts that get gradients."""

    @abstractmethod
    def prepare(self, windows: Windows) -> Encoded:
        """Compute all that no training step changes, each tensor (B, ...)."""

    @abstractmethod
    def error(self, encoded: Encoded) -> Tensor:
        """Return the mean error of prepared windows."""

    @property
    def parameters(self) -> list[nn.Parameter]:
        """What the optimizer may change."""
        return [p for module in self.trained() for p in module.parameters()]

    @property
    def weight_decay(self) -> float:
        """Of the optimizer."""
        return 0.0

    def scaled_future(self, windows: Windows) -> Tensor:
        """Return the scaled actions that were executed from now on, (B, T, action_dim)."""
        return self.model.normalizer.scale('actions', tensor(windows.actions[:, self.past :]))


class DynamicsMethod(Method):
    """Train the dynamics against latents of the frozen encoder."""

    def trained(self) -> list[nn.Module]:
        """Return the dynamics; a residual stays as it is."""
        return [self.model.dynamics]

    def prepare(self, windows: Windows) -> Encoded:
        """Return tokens, scaled actions, true latents and weights."""
        tokens = context_of(self.model, windows).tokens
        target = true_latents(self.model, windows)
        return tokens, self.scaled_future(windows), target, tensor(windows.is_known)

    def error(self, encoded: Encoded) -> Tensor:
        """Return the error of the predicted latents."""
        tokens, actions, target, weight = encoded
        memory = self.model.dynamics.memory(Context(tokens, tokens[:, -1]))
        latents = self.model.dynamics(memory, actions)
        if self.model.residual is not None:
            latents = latents + self.model.residual(latents, actions)
        return masked_mse(latents, target, weight)


class ResidualMethod(Method):
    """Train a residual on predictions that are themselves made only once."""

    def trained(self) -> list[nn.Module]:
        """Return the residual, a new one where there is none."""
        if self.model.residual is None:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(self.settings.seed)
                residual = Residual(self.model.architecture, self.settings.residual_hidden)
            self.model.residual = residual.train(self.model.training)
        return [self.model.residual]

    @property
    def weight_decay(self) -> float:
        """Of the optimizer."""
        return self.settings.residual_decay

    def prepare(self, windows: Windows) -> Encoded:
        """Return predicted latents, scaled actions, true latents and weights."""
        actions = self.scaled_future(windows)
        memory = self.model.dynamics.memory(context_of(self.model, windows))
        predicted = self.model.dynamics(memory, actions)
        return predicted, actions, true_latents(self.model, windows), tensor(windows.is_known)

    def error(self, encoded: Encoded) -> Tensor:
        """Return the error of the corrected latents."""
        predicted, actions, target, weight = encoded
        assert self.model.residual is not None
        corrected = predicted + self.model.residual(predicted, actions)
        return masked_mse(corrected, target, weight)


class AllMethod(Method):
    """Train every weight: what unfreezing costs. Rewards and values count where they are known."""

    def trained(self) -> list[nn.Module]:
        """Return all parts that have weights."""
        model = self.model
        parts = [model.encoder, model.dynamics, model.heads, model.residual]
        return [part for part in parts if part is not None]

    def prepare(self, windows: Windows) -> Encoded:
        """Return the windows as tensors; labels that are not numbers count as unknown."""
        known = tensor(windows.is_known)
        arrays = (windows.proprio_obs, windows.actions, windows.extero_obs, windows.commands)
        labels = []
        for values in (windows.rewards, windows.next_values):
            label = torch.full_like(known, torch.nan) if values is None else tensor(values)
            labels.append(torch.where(known > 0, label, torch.nan))
        return *map(tensor, arrays), known, *labels

    def error(self, encoded: Encoded) -> Tensor:
        """Return the error of latents against the encoder as it is, plus that of the labels."""
        observed, acted, ground, commands, known, rewards, next_values = encoded
        model, past = self.model, self.past
        with torch.no_grad():
            target = model.encode_latent(observed[:, past + 1 :], ground.unsqueeze(1))
        context = model.encode(observed[:, : past + 1], acted[:, :past], ground)
        future = acted[:, past:]
        latents = model.predict(model.memory(context), future)
        total = masked_mse(latents, target, known)
        labels = (('rewards', rewards), ('values', next_values))
        if all(bool(label.isnan().all()) for _, label in labels):
            return total
        found = model.score(context, latents, future, commands)._asdict()
        scale = model.normalizer.scale
        for name, label in labels:
            error = masked_mse(
                scale(name, found[name]).unsqueeze(-1),
                scale(name, label).unsqueeze(-1),
                label.isfinite().float(),
            )
            total = total + error
        return total


class PolicyMethod(Method):
    """Clone the executed actions with the policy head."""

    def trained(self) -> list[nn.Module]:
        """Return the policy head; reward and value stay."""
        return [self.model.heads.policy_head]

    def prepare(self, windows: Windows) -> Encoded:
        """Return tokens, scaled commands, scaled actions and weights."""
        tokens = context_of(self.model, windows).tokens
        commands = self.model.normalizer.scale('commands', tensor(windows.commands))
        return tokens, commands, self.scaled_future(windows), tensor(windows.is_known)

    def error(self, encoded: Encoded) -> Tensor:
        """Return the error of the policy's actions."""
        tokens, commands, actions, weight = encoded
        found = self.model.heads.policy(Context(tokens, tokens[:, -1]), commands)
        return masked_mse(found, actions, weight)


CLASSES: dict[str, type[Method]] = {
    'dynamics': DynamicsMethod,
    'residual': ResidualMethod,
    'all': AllMethod,
    'policy': PolicyMethod,
}


def make_method(model: WorldModel, settings: FinetuneSettings) -> Method:
    """Freeze a model but for what the method that was chosen trains."""
    return CLASSES[settings.method](model, settings)
