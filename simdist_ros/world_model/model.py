"""The world model: encode once a tick; predict and score once a candidate."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from simdist_ros.world_model.architecture import Architecture
from simdist_ros.world_model.attention import Memory
from simdist_ros.world_model.dynamics import Dynamics
from simdist_ros.world_model.encoders.encoder import Context, Encoder
from simdist_ros.world_model.expert import Expert
from simdist_ros.world_model.heads import Heads
from simdist_ros.world_model.identifier import Identifier
from simdist_ros.world_model.normalizer import Normalizer
from simdist_ros.world_model.residual import Residual

__all__ = ['Scores', 'WorldModel']


class Scores(NamedTuple):
    """What a predicted future is worth; higher is better.

    Attributes:
        rewards: Of step t + k at index k, (K, T).
        values: Of the state after step t + k at index k, (K, T).
    """

    rewards: Tensor
    values: Tensor


class WorldModel(nn.Module):
    """Encoder, dynamics, heads and normalizer behind an interface in raw units.

    B is a batch of situations, K a number of candidates. K is a multiple of B: situation i has
    the K / B successive candidates from i * K / B on. With B = 1 all candidates share one
    situation, with B = K each has its own. Every axis stays, also one of size 1.

    Attributes:
        residual: Corrects the dynamics; None in a model that has none.
        expert: What the policy head imitates; None in a model that has none.
        usual_expert: Who acts instead where the belief is doubted; None: the expert itself, told
            nothing.
        identifier: Finds out the belief from what a robot did; None in a model that has none.
        belief: What is different about the robot, as the expert is told, (belief_dim,), on the
            CPU; None for a robot as its description says.
        detector: Tells from windows whether the robot is as believed, (2, F + 1), see `detector`;
            None where the belief always holds.
    """

    residual: Residual | None
    expert: Expert | None
    usual_expert: Expert | None
    identifier: Identifier | None
    belief: Tensor | None
    detector: Tensor | None

    def __init__(self, architecture: Architecture, seed: int = 0) -> None:
        """Make a model with random weights; the same seed gives the same weights."""
        super().__init__()
        self.architecture = architecture
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.encoder = Encoder(architecture)
            self.dynamics = Dynamics(architecture)
            self.heads = Heads(architecture)
        self.normalizer = Normalizer(architecture)
        self.residual = None
        self.expert = None
        self.usual_expert = None
        self.identifier = None
        self.belief = None
        self.detector = None

    def encode(self, proprio_obs_hist: Tensor, acts_hist: Tensor, extero_obs: Tensor) -> Context:
        """Encode the present and what led to it; once a tick.

        Args:
            proprio_obs_hist: o_{t-H..t}, (B, H + 1, proprio_obs_dim).
            acts_hist: a_{t-H..t-1}, (B, H, action_dim).
            extero_obs: What is seen of the surroundings now, (B, extero_obs_dim).
        """
        scale = self.normalizer.scale
        context: Context = self.encoder(
            scale('proprio_obs', proprio_obs_hist),
            scale('actions', acts_hist),
            scale('extero_obs', extero_obs),
        )
        return context

    def encode_latent(self, proprio_obs: Tensor, extero_obs: Tensor) -> Tensor:
        """Return the latents that the dynamics should predict, (..., latent_dim).

        Args:
            proprio_obs: Observations, (..., proprio_obs_dim).
            extero_obs: With them, (..., extero_obs_dim); its leading axes broadcast.
        """
        scale = self.normalizer.scale
        return self.encoder.encode_latent(
            scale('proprio_obs', proprio_obs), scale('extero_obs', extero_obs)
        )

    def memory(self, context: Context) -> Memory:
        """Return the keys and values that all candidates share; once a tick."""
        return self.dynamics.memory(context)

    def predict(self, memory: Memory, actions: Tensor) -> Tensor:
        """Return the latents of steps t + 1..t + T, (K, T, latent_dim).

        Args:
            memory: Of the situations, batch B.
            actions: a_{t..t+T-1} of each candidate, (K, T, action_dim).
        """
        scaled = self.normalizer.scale('actions', actions)
        latents: Tensor = self.dynamics(memory, scaled)
        return latents if self.residual is None else latents + self.residual(latents, scaled)

    def score(
        self, context: Context, latents: Tensor, actions: Tensor, commands: Tensor
    ) -> Scores:
        """Return the reward of each step and the value of each predicted state, in raw units.

        Args:
            context: Of the situations, batch B.
            latents: From `predict`, (K, T, latent_dim).
            actions: The actions that led to them, (K, T, action_dim).
            commands: c_{t..t+T}, (B, T + 1, command_dim).
        """
        scaled = self.scaled_commands(commands, latents)
        values = self.normalizer.unscale('values', self.heads.values(latents, scaled))
        return Scores(self.rewards(context, latents, actions, commands), values)

    def rewards(
        self, context: Context, latents: Tensor, actions: Tensor, commands: Tensor
    ) -> Tensor:
        """Return the rewards of `score` alone, (K, T); arguments as there."""
        latent = per_candidate(context.latent, latents.shape[0])
        scaled_actions = self.normalizer.scale('actions', actions)
        scaled_commands = self.scaled_commands(commands, latents)
        rewards = self.heads.rewards(latent, latents, scaled_actions, scaled_commands)
        return self.normalizer.unscale('rewards', rewards)

    def final_value(self, latents: Tensor, commands: Tensor) -> Tensor:
        """Return the last of `score`'s values alone, (K,); all that a planner needs of them."""
        value = self.heads.final_value(latents, self.scaled_commands(commands, latents))
        return self.normalizer.unscale('values', value)

    def policy_prior(self, context: Context, commands: Tensor) -> Tensor:
        """Return the actions that the expert would take, (B, T, action_dim).

        Args:
            context: Of the situations, batch B.
            commands: c_{t..t+T}, (B, T + 1, command_dim).
        """
        actions = self.heads.policy(context, self.normalizer.scale('commands', commands))
        return self.normalizer.unscale('actions', actions)

    def scaled_commands(self, commands: Tensor, latents: Tensor) -> Tensor:
        """Return the scaled commands of each candidate, (K, T + 1, command_dim)."""
        return per_candidate(self.normalizer.scale('commands', commands), latents.shape[0])


def per_candidate(x: Tensor, candidates: int) -> Tensor:
    """Repeat each situation's entry for its candidates, (K, ...); not a copy if B = 1."""
    batch = x.shape[0]
    return x.unsqueeze(1).expand(batch, candidates // batch, *x.shape[1:]).flatten(0, 1)
