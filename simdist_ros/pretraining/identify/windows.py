"""Windows of robots with faults, as a robot logs them, and what is true of each robot."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from simdist_ros.embodiment.action_space import action_space_of
from simdist_ros.embodiment.observation_terms import proprio_obs_dim
from simdist_ros.embodiment.robot import Robot
from simdist_ros.jobs.errors import PretrainingError
from simdist_ros.pretraining.expert.networks import Actor, actor_input, belief_space, to_tensor
from simdist_ros.pretraining.identify.settings import IdentifySettings
from simdist_ros.pretraining.recipe import Recipe
from simdist_ros.sim.batch.vector_env import VectorEnv

__all__ = ['Windows', 'collect_windows']

F32 = NDArray[np.float32]

NOISE_PERIOD = 100  # steps, the first of which have noise


@dataclass(frozen=True)
class Windows:
    """W steps of one robot each, and the belief that is true of it.

    Attributes:
        steps: Proprioceptive observation and action, (M, W, proprio_dim + action_dim).
        beliefs: (M, belief_dim).
        episodes: Which episode of which robot each is of, (M,).
    """

    steps: NDArray[np.float16]
    beliefs: F32
    episodes: NDArray[np.int64]


class FaultyWalk:
    """Robots, most with a fault, that an expert walks; it believes little, the truth or wrong."""

    def __init__(
        self,
        robot: Robot,
        recipe: Recipe,
        actor: Actor,
        settings: IdentifySettings,
        threads: int,
    ) -> None:
        """Start the robots at all times of an episode."""
        s = settings
        self.actor, self.settings = actor, settings
        self.space = belief_space(robot, recipe)
        level = recipe.leveled()
        wide = dataclasses.replace(recipe.widened(), terrain=level.terrain)
        faulty = recipe.faulty()
        self.env = VectorEnv(
            robot,
            wide,
            num_robots=s.num_robots,
            seed=s.seed,
            threads=threads,
            episode_steps=s.episode_steps,
            mixture=(faulty, faulty, faulty, level),
        )
        self.rng = self.env.rng
        self.told = np.zeros((s.num_robots, self.space.size), dtype=np.float32)
        self.episode = np.arange(s.num_robots)
        self.begin(np.arange(s.num_robots))
        self.env.steps[:] = self.rng.integers(s.episode_steps, size=s.num_robots)

    def begin(self, index: NDArray[np.intp]) -> None:
        """Let the expert of robots whose episode is new believe something and walk somewhere."""
        s, n = self.settings, len(index)
        truth = self.truth()
        which = self.rng.random((n, 1))
        others = truth[self.rng.integers(s.num_robots, size=n)]
        told = np.where(which < s.hidden_share + s.wrong_share, others, truth[index])
        self.told[index] = np.where(which < s.hidden_share, 0.0, told)
        ahead = index[self.rng.random(n) < s.ahead_share]
        speeds = self.rng.uniform(s.ahead_low_mps, s.ahead_high_mps, len(ahead))
        for i, speed in zip(ahead, speeds, strict=True):
            self.env.commands[i] = self.env.task.trial(float(speed), int(i))
        self.env.next_command[ahead] = s.episode_steps + 1
        self.env.observation.command[:] = self.env.commands

    def truth(self) -> F32:
        """Return the true beliefs, (N, belief_dim)."""
        return self.space.of(self.env.parameters)

    def step(self, number: int) -> tuple[F32, NDArray[np.bool_]]:
        """Let all act once.

        Returns:
            What a robot logs of that: observation and executed action, (N, ...); whose episode
            ended.
        """
        s, env = self.settings, self.env
        seen = to_tensor(env.observation, 'cpu')
        with torch.no_grad():
            told = torch.from_numpy(self.told.copy())
            action = self.actor(actor_input(seen), seen['extero_obs'], told).numpy()
        if number % NOISE_PERIOD < s.noisy_share * NOISE_PERIOD:
            noise = self.rng.normal(0.0, s.action_noise, action.shape)
            action = action + noise.astype(np.float32)
        before = env.observation.proprio_obs
        result = env.step(action)
        logged = np.concatenate([before, env.executed], axis=1, dtype=np.float32)
        return logged, result.terminated | result.truncated | result.diverged

    def renew(self, ended: NDArray[np.bool_]) -> None:
        """Start new episodes of those marked, (N,)."""
        index = np.flatnonzero(ended)
        if len(index):
            self.env.reset(ended)
            self.begin(index)
            self.episode[index] += self.settings.num_robots


def collect_windows(
    robot: Robot,
    recipe: Recipe,
    actor: Actor,
    settings: IdentifySettings,
    window_steps: int,
    threads: int = 1,
) -> Windows:
    """Let robots with faults walk, and cut windows out of that.

    Args:
        robot: Whose.
        recipe: With faults.
        actor: An expert that takes beliefs.
        settings: How many, and how they walk.
        window_steps: W.
        threads: Cores for the physics.

    Raises:
        SimdistError: The recipe has no faults, or no episode lasted for a window.
    """
    s = settings
    walk = FaultyWalk(robot, recipe, actor, s, threads)
    size = proprio_obs_dim(robot) + action_space_of(robot).dim
    recent: NDArray[Any] = np.zeros((s.num_robots, window_steps, size), dtype=np.float32)
    age = np.zeros(s.num_robots, dtype=np.int64)
    found: list[tuple[Any, ...]] = []
    for number in range(s.rollout_steps):
        truth = walk.truth()
        logged, ended = walk.step(number)
        recent = np.concatenate([recent[:, 1:], logged[:, None]], axis=1)
        age += 1
        if number % s.window_interval == 0:
            whole = (age >= window_steps) & ~ended
            found.append((recent[whole].astype(np.float16), truth[whole], walk.episode[whole]))
        age[ended] = 0
        walk.renew(ended)
    steps, beliefs, episodes = (np.concatenate(part) for part in zip(*found, strict=True))
    if not len(steps):
        raise PretrainingError(
            f'identify: no episode lasted for a window of {window_steps} steps; train the expert '
            'for longer'
        )
    return Windows(steps, beliefs, episodes)
