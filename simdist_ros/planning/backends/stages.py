"""What a tick asks of the model, in five stages, each of them one part that freezes by itself.

PyTorch runs them as they stand here; for ONNX Runtime each is exported as a graph of its own. The
normalizer has no layers: its numbers are inputs of the graphs that need them, like all weights.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from simdist_ros.world_model.architecture import Architecture
from simdist_ros.world_model.attention import Memory
from simdist_ros.world_model.encoders.encoder import Context
from simdist_ros.world_model.model import WorldModel

__all__ = [
    'STAGES',
    'Run',
    'Stage',
    'Stages',
    'example_inputs',
    'stages_of',
    'torch_stages',
]

Run = Callable[..., tuple[Tensor, ...]]


class Stage(nn.Module):
    """One stage of a model, as a module of its own."""

    parts: tuple[str, ...]  # of the model, besides the normalizer
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def __init__(self, model: WorldModel) -> None:
        """Take the whole model; only a part of it is used."""
        super().__init__()
        self.model = model


class Encode(Stage):
    """Encoder, once a tick: the past and the present."""

    parts = ('encoder',)
    inputs = ('proprio_obs_hist', 'acts_hist', 'extero_obs')
    outputs = ('tokens', 'latent')

    def forward(self, proprio_obs_hist: Tensor, acts_hist: Tensor, extero_obs: Tensor) -> Context:
        """Return the context, arguments as of `WorldModel.encode`."""
        return self.model.encode(proprio_obs_hist, acts_hist, extero_obs)


class Propose(Stage):
    """Heads, once a tick: what the expert would do, told this or that."""

    parts = ('heads',)
    inputs = ('tokens', 'latent', 'asked_commands')
    outputs = ('proposals',)

    def forward(self, tokens: Tensor, latent: Tensor, asked_commands: Tensor) -> tuple[Tensor]:
        """Return the policy's actions for each of M commands, (M, T, action_dim)."""
        return (self.model.policy_prior(Context(tokens, latent), asked_commands),)


class Remember(Stage):
    """Dynamics, once a tick: keys and values that all candidates share."""

    parts = ('dynamics',)
    inputs = ('tokens', 'latent')
    outputs = ('keys', 'values')

    def forward(self, tokens: Tensor, latent: Tensor) -> Memory:
        """Return the memory."""
        return self.model.memory(Context(tokens, latent))


class Predict(Stage):
    """Dynamics, once an iteration: where the candidates lead."""

    parts = ('dynamics', 'residual')
    inputs = ('keys', 'values', 'actions')
    outputs = ('latents',)

    def forward(self, keys: Tensor, values: Tensor, actions: Tensor) -> tuple[Tensor]:
        """Return the latents, (K, T, latent_dim)."""
        return (self.model.predict(Memory(keys, values), actions),)


class Judge(Stage):
    """Heads, once an iteration: what that is worth."""

    parts = ('heads',)
    inputs = ('tokens', 'latent', 'latents', 'actions', 'commands')
    outputs = ('rewards', 'final_value')

    def forward(
        self, tokens: Tensor, latent: Tensor, latents: Tensor, actions: Tensor, commands: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return rewards (K, T) and the final value (K,)."""
        context = Context(tokens, latent)
        rewards = self.model.rewards(context, latents, actions, commands)
        return rewards, self.model.final_value(latents, commands)


STAGES: dict[str, type[Stage]] = {
    'encode': Encode,
    'propose': Propose,
    'remember': Remember,
    'predict': Predict,
    'judge': Judge,
}


def stages_of(parts: Collection[str]) -> tuple[str, ...]:
    """Return the stages that use any of these parts of a model."""
    return tuple(name for name, stage in STAGES.items() if set(parts) & set(stage.parts))


@dataclass
class Stages:
    """The five stages, whatever runs them; each takes and gives tensors in the order named."""

    encode: Run
    propose: Run
    remember: Run
    predict: Run
    judge: Run


def torch_stages(model: WorldModel) -> Stages:
    """Return the stages as PyTorch runs them."""
    return Stages(**{name: stage(model) for name, stage in STAGES.items()})


def example_inputs(architecture: Architecture, num_candidates: int) -> dict[str, Tensor]:
    """Return inputs of zeros for every stage, by name, for one situation and K candidates."""
    a = architecture
    heads = (a.dynamics_layers, 1, a.dynamics_heads)
    memory = (*heads, 2 * a.history_steps + 1, a.latent_dim // a.dynamics_heads)
    shapes = {
        'proprio_obs_hist': (1, a.history_steps + 1, a.proprio_obs_dim),
        'acts_hist': (1, a.history_steps, a.action_dim),
        'extero_obs': (1, a.extero_obs_dim),
        'tokens': (1, 2 * a.history_steps + 1, a.latent_dim),
        'latent': (1, a.latent_dim),
        'commands': (1, a.horizon_steps + 1, a.command_dim),
        'asked_commands': (num_candidates, a.horizon_steps + 1, a.command_dim),
        'keys': memory,
        'values': memory,
        'actions': (num_candidates, a.horizon_steps, a.action_dim),
        'latents': (num_candidates, a.horizon_steps, a.latent_dim),
    }
    return {name: torch.zeros(shape) for name, shape in shapes.items()}
