"""An expert that is told what is different about its robot: trained on where faults are known.

It is told the truth, a blurred truth or nothing, so that it uses a belief that is right and does
not fall for want of one; healthy robots are at times told of another's fault, so that one walks
as well after a repair. Its critic always knows the truth.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from simdist_ros.embodiment.robot import Robot
from simdist_ros.pretraining.expert.files import load_actor, load_critic
from simdist_ros.pretraining.expert.networks import Actor, Critic, belief_space, make_ppo
from simdist_ros.pretraining.expert.training import ExpertTraining
from simdist_ros.pretraining.presets import ExpertSettings
from simdist_ros.pretraining.recipe import Recipe
from simdist_ros.rl.ppo import Ppo, PpoSettings
from simdist_ros.rl.step import Observation
from simdist_ros.sim.batch.vector_env import VectorEnv

__all__ = ['BeliefTraining', 'told_beliefs']

F32 = NDArray[np.float32]

START_LEVEL = 0.6  # of the ground of those without faults
BLUR_SCALE = (0.5, 1.5)  # by which all of a blurred belief is too small or too large
BLUR_NOISE = 0.1  # of each of its numbers
LATER_SEED = 2  # those before are of the healthy expert's two parts


def told_beliefs(
    truth: F32,
    hidden: float,
    blurred: float,
    rng: np.random.Generator,
    *,
    stale: float = 0.0,
    others: F32 | None = None,
) -> F32:
    """Draw what robots are told of what is true.

    Args:
        truth: True beliefs, (N, belief_dim).
        hidden: Share of robots that are told zeros.
        blurred: Share of robots that are told something near the truth.
        rng: Randomness.
        stale: Share of the healthy robots that are told of another one, as after a repair.
        others: True beliefs about those others, (M, belief_dim).

    Returns:
        (N, belief_dim).
    """
    which = rng.random((len(truth), 1))
    near = truth * rng.uniform(*BLUR_SCALE, (len(truth), 1))
    near = near + rng.normal(0.0, BLUR_NOISE, truth.shape)
    told: F32 = np.where(which < hidden + blurred, near, truth).astype(np.float32)
    told[which[:, 0] < hidden] = 0.0
    if stale and others is not None and len(others):
        repaired = ~truth.any(axis=1) & (rng.random(len(truth)) < stale)
        told[repaired] = others[rng.integers(len(others), size=int(repaired.sum()))]
    return told


class BeliefTraining(ExpertTraining):
    """Goes on from a finished expert: of 8 robots 6 have faults, one is of each earlier kind."""

    def __init__(
        self,
        robot: Robot,
        recipe: Recipe,
        settings: ExpertSettings,
        out: Path,
        healthy: Path,
        *,
        threads: int = 1,
        device: str = 'cpu',
    ) -> None:
        """Begin with an expert, or take up what the folder's checkpoint left.

        Args:
            robot: Whose.
            recipe: Its own.
            settings: Of the whole expert.
            out: Folder of this training; made where it is not there.
            healthy: File of the expert to begin with.
            threads: Cores for the physics.
            device: Where the networks learn.
        """
        out.mkdir(exist_ok=True)
        self.space = belief_space(robot, recipe)
        self.told = np.zeros((settings.num_robots, self.space.size), dtype=np.float32)
        own = dataclasses.replace(
            settings,
            total_steps=settings.belief_steps,
            narrow_steps=0,
            init=str(healthy),
            rate=settings.belief_rate,
            world='',
        )
        super().__init__(robot, recipe, own, out, threads=threads, device=device)

    def make_env(self) -> VectorEnv:
        """Return robots with faults, robots of the wider worlds and robots of the data."""
        s, wide = self.settings, self.recipe.widened()
        narrow = dataclasses.replace(wide, randomisation=self.recipe.randomisation)
        faulty = self.recipe.faulty()
        return VectorEnv(
            self.robot,
            wide,
            num_robots=s.num_robots,
            seed=s.seed + LATER_SEED,
            threads=self.threads,
            episode_steps=s.episode_steps,
            mixture=(faulty, faulty, faulty, wide, faulty, faulty, faulty, narrow),
        )

    def make_ppo(self, settings: PpoSettings) -> Ppo[Actor, Critic]:
        """Return networks that take beliefs."""
        size, seed = self.space.size, self.settings.seed
        return make_ppo(self.robot, self.recipe, settings, seed, self.device, belief_dim=size)

    def go_on_from(self, path: Path) -> None:
        """Take the networks of a finished expert; what is not in it stays as it is."""
        actor, critic = (load(path, self.robot, self.recipe) for load in (load_actor, load_critic))
        for network, before in ((self.ppo.actor, actor), (self.ppo.critic, critic)):
            network.load_state_dict({**network.state_dict(), **before.state_dict()})

    def spread_episodes(self) -> None:
        """Start all robots on the ground of a training under way, at all times of an episode."""
        self.env.levels[:] = START_LEVEL
        self.begin(np.ones(self.env.num_robots, dtype=bool))
        super().spread_episodes()

    def begin(self, who: NDArray[np.bool_]) -> None:
        """Start new episodes of those marked, (N,), and tell each what it is to believe."""
        super().begin(who)
        self.told[who] = self.tell(self.space.of(self.env.parameters), who)

    def tell(self, truth: F32, who: NDArray[np.bool_]) -> F32:
        """Return what those marked, (N,), are to believe, given the truth about all."""
        s = self.settings
        return told_beliefs(
            truth[who],
            s.belief_hidden_share,
            s.belief_blurred_share,
            self.env.rng,
            stale=s.belief_stale_share,
            others=truth[truth.any(axis=1)],
        )

    def inputs(self, observation: Observation) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return what the actor knows and is told, what the critic knows, and what is around."""
        x, truth, extero = super().inputs(observation)
        told, known = (
            torch.from_numpy(b.copy()).to(self.device)
            for b in (self.told, self.space.of(self.env.parameters))
        )
        return torch.cat([x, told], dim=-1), torch.cat([truth, known], dim=-1), extero

    def blended(self) -> Actor:
        """Return the actor between one with beliefs that it went on from and the present one."""
        before = load_actor(Path(self.settings.init), self.robot, self.recipe)
        if before.belief is None:
            return self.ppo.actor
        return self.blend(before, self.settings.belief_blend)

    def keep_policy(self, before: int) -> None:
        """Keep none: the data are collected by the policies of the healthy expert."""

    def held(self) -> dict[str, Any]:
        """Return what a checkpoint says, what the robots are told with it."""
        return {**super().held(), 'told': self.told.tolist()}

    def take_up(self, about: dict[str, Any]) -> None:
        """Go on from what a checkpoint says."""
        super().take_up(about)
        self.told[:] = about['told']
