"""Robots that walk well and badly, so that a world model sees both."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from simdist_ros.embodiment.robot import Robot
from simdist_ros.pretraining.collect.action_noise import BURST_STEPS, NoiseBursts
from simdist_ros.pretraining.collect.episode_recorder import EpisodeRecorder
from simdist_ros.pretraining.expert.files import EXPERT, load_actor, load_critic, policy_files
from simdist_ros.pretraining.expert.networks import (
    Actor,
    Critic,
    actor_input,
    critic_input,
    to_tensor,
)
from simdist_ros.pretraining.presets import CollectSettings
from simdist_ros.pretraining.recipe import Recipe, load_recipe
from simdist_ros.rl.step import Observation, StepResult
from simdist_ros.sim.batch.vector_env import VectorEnv
from simdist_ros.tasks.command_bursts import CommandBursts
from simdist_ros.transitions.episode import Episode

__all__ = ['Walkers']

F32 = NDArray[np.float32]

# No step is worth less than to lie on the ground. Without this floor one step in twenty, most in
# noise, makes more than half of the variance, and what tells good walking from better drowns.
WORST_REWARD = 0.0


class Walkers:
    """Robots that walk as the expert, or as an earlier policy, with bursts of noise."""

    def __init__(self, robot: Robot, expert: Path, settings: CollectSettings, index: int) -> None:
        """Load the policies and start the robots of part `index`."""
        recipe: Recipe = load_recipe(robot)
        self.settings = s = settings
        seeds = np.random.SeedSequence([s.seed, index]).spawn(2)
        self.rng = np.random.default_rng(seeds[0])
        self.actors: list[Actor] = [
            load_actor(path, robot, recipe) for path in policy_files(expert)
        ]
        self.critic: Critic = load_critic(expert / EXPERT, robot, recipe)
        self.env = VectorEnv(
            robot,
            recipe,
            num_robots=s.num_robots,
            seed=int(seeds[1].generate_state(1)[0]),
            episode_steps=s.episode_steps,
        )
        self.chosen: NDArray[np.int64] = np.zeros(s.num_robots, dtype=np.int64)
        self.start(np.ones(s.num_robots, dtype=bool))
        limits = s.noise_low, s.noise_high, s.never_noised
        self.noise = NoiseBursts(
            s.num_robots,
            *limits,
            self.rng,
            burst=(BURST_STEPS[0], s.burst_steps),
            clean=(s.clean_low_steps, s.clean_high_steps),
        )
        self.wandering = CommandBursts(self.env.task.goal, s.num_robots, self.rng)

    def start(self, who: NDArray[np.bool_]) -> None:
        """Give robots, (N,), a new ground and a policy each."""
        n = int(who.sum())
        self.env.levels[who] = self.rng.uniform(0.0, 1.0, n)
        last = max(1, len(self.actors) - 1)
        earlier = self.rng.integers(1, last, n, endpoint=True) % len(self.actors)
        is_expert = self.rng.random(n) < self.settings.expert_share
        self.chosen[who] = np.where(is_expert, 0, earlier)
        self.env.reset(who)

    @torch.inference_mode()
    def act(self, observation: Observation) -> F32:
        """Return each robot's action by its own policy, (N, action_dim), without noise."""
        seen = to_tensor(observation, 'cpu')
        x, extero = actor_input(seen), seen['extero_obs']
        action: F32 = np.zeros(observation.last_action.shape, dtype=np.float32)
        for number, actor in enumerate(self.actors):
            index = np.flatnonzero(self.chosen == number)
            if len(index):
                action[index] = actor(x[index], extero[index]).numpy()
        return action

    @torch.inference_mode()
    def values(self, result: StepResult) -> F32:
        """Return what the expert's critic thinks of the states a step led to, (N,)."""
        seen = to_tensor(result.observation, 'cpu')
        value = self.critic(critic_input(seen), seen['extero_obs']).numpy()
        values: F32 = np.where(result.terminated, 0.0, value).astype(np.float32)
        return values

    def episodes(self) -> Iterator[Episode]:
        """Yield the part's episodes; the last ones are cut where the part ends."""
        steps = math.ceil(self.settings.shard_steps / self.settings.num_robots)
        recorder = EpisodeRecorder(steps)
        for step in range(steps):
            before = self.env.observation
            walked, is_wandering = self.wandering.next(before.command)
            if not self.env.task.wanders:
                walked, is_wandering = before.command, np.zeros(len(walked), dtype=bool)
            action = self.act(dataclasses.replace(before, command=walked))
            noise, is_noisy = self.noise.next(action.shape[1])
            expert = (self.chosen == 0) & ~is_noisy & ~is_wandering
            result = self.env.step(action + noise)
            yield from recorder.add(
                before,
                result,
                actions=self.env.executed.astype(np.float32),
                rewards=np.maximum(result.reward, WORST_REWARD),
                next_values=self.values(result),
                is_expert=expert,
            )
            ended = result.terminated | result.truncated | result.diverged
            if step == steps - 1:
                yield from recorder.rest(result)
            elif ended.any():
                self.start(ended)
