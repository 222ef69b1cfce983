"""Walks of an expert in a batch simulator, of the robot believed in or of a healthy one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from simdist_ros.embodiment.robot import Robot
from simdist_ros.planning.fault_watch import FaultWatch
from simdist_ros.pretraining.expert.networks import actor_input, to_tensor
from simdist_ros.pretraining.expert.practice import practice_ground
from simdist_ros.pretraining.recipe import Recipe
from simdist_ros.rl.step import StepResult
from simdist_ros.sim.batch.known_robots import KnownRobots
from simdist_ros.sim.batch.vector_env import VectorEnv
from simdist_ros.world_model.expert import ExpertNetwork
from simdist_ros.world_model.identifier import Identifier

__all__ = ['NO_DOUBT', 'BatchWalks', 'Doubt', 'Walked']

Array = NDArray[np.floating[Any]]
F32 = NDArray[np.float32]
Ints = NDArray[np.int64]


class Doubt(NamedTuple):
    """What is done about robots that do not move as is believed.

    Attributes:
        detector: Of what tells which ones, (2, F + 1); None: none is doubted.
        usual: Who acts in them, told nothing; None: the expert of the others.
    """

    detector: Tensor | None = None
    usual: ExpertNetwork | None = None


NO_DOUBT = Doubt()


@dataclass(frozen=True)
class Walked:
    """How N robots walked; nothing counts after a fall.

    Attributes:
        reward: Of the task, each robot's, a second of the whole time, (N,).
        tracking: How well its command was followed, 0 .. 1, (N,).
        fell: Who fell, (N,).
    """

    reward: Array
    tracking: Array
    fell: NDArray[np.bool_]

    def told(self) -> str:
        """Say how they walked."""
        return f'{np.mean(self.reward):.2f} a second, {int(self.fell.sum())} of {len(self)} fall'

    def __len__(self) -> int:
        """Number of robots."""
        return len(self.reward)


class BatchWalks:
    """Robots that walk anew for each expert, from the same starts and with the same pushes."""

    def __init__(
        self,
        robot: Robot,
        recipe: Recipe,
        known: KnownRobots | None,
        commands: Sequence[Array],
        *,
        num_robots: int,
        seconds: float,
        seed: int,
        plan_delay_steps: int = 0,
        identifier: Identifier | None = None,
    ) -> None:
        """Make the robots.

        Args:
            robot: Whose.
            recipe: Its own.
            known: What is different about them; None for healthy ones.
            commands: What they are asked for in turn, (command_dim,) each.
            num_robots: How many.
            seconds: How long they walk [s].
            seed: Of starts and pushes.
            plan_delay_steps: Up to how many steps late plans begin.
            identifier: What detectors read; without it they are not used.
        """
        self.identifier = identifier
        self.seconds, self.seed = seconds, seed
        self.num_steps = round(seconds * robot.control_rate_hz)
        asked = np.array([commands[i % len(commands)] for i in range(num_robots)])
        self.asked = asked
        self.env = VectorEnv(
            robot,
            practice_ground(recipe, plan_delay_steps),
            num_robots=num_robots,
            seed=seed,
            episode_steps=self.num_steps + 1,
            known=known,
        )

    def watch(self, doubt: Doubt) -> FaultWatch | None:
        """Return what tells of which robots the belief holds; None: of all of them."""
        if doubt.detector is None or self.identifier is None:
            return None
        return FaultWatch(self.identifier, doubt.detector, self.env.num_robots)

    def begin(self) -> None:
        """Put all robots back to their starts."""
        env = self.env
        env.rng = np.random.default_rng(self.seed)
        env.reset(np.ones(env.num_robots, dtype=bool))
        env.commands[:] = self.asked
        env.next_command[:] = self.num_steps + 1  # none is drawn
        env.observation = env.observe(env.state, env.stamp_ns)

    def steps(
        self, expert: ExpertNetwork, belief: Array | None, doubt: Doubt = NO_DOUBT
    ) -> Iterator[tuple[F32, StepResult]]:
        """Walk with an expert that is told a belief, (belief_dim,); None is zeros.

        Args:
            expert: Who acts.
            belief: What it is told.
            doubt: What is done about robots that do not move as is believed.

        Yields:
            What was observed and then done in a step, (N, proprio_dim + action_dim), and what
            came of the step.
        """
        self.begin()
        env, told, watch = self.env, None, self.watch(doubt)
        if belief is not None:
            told = torch.tensor(belief, dtype=torch.float32).expand(env.num_robots, -1)
        for _ in range(self.num_steps):
            seen = to_tensor(env.observation, 'cpu')
            x, ground = actor_input(seen), seen['extero_obs']
            with torch.no_grad():
                action = expert(x, ground, told)
                if watch is not None and not watch.believes.all():
                    other = (doubt.usual or expert)(x, ground, None)
                    action = torch.where(torch.from_numpy(watch.believes)[:, None], action, other)
            observed = env.observation.proprio_obs
            result = env.step(action.numpy())
            row = np.concatenate([observed, env.executed], axis=1, dtype=np.float32)
            if watch is not None:
                watch.note(row)
            yield row, result

    def walk(self, expert: ExpertNetwork, belief: Array | None, doubt: Doubt = NO_DOUBT) -> Walked:
        """Walk, see `steps`."""
        n = self.env.num_robots
        alive = np.ones(n, dtype=bool)
        reward, tracking = np.zeros(n), np.zeros(n)
        for _, result in self.steps(expert, belief, doubt):
            reward += np.where(alive, result.reward, 0.0)
            tracking += np.where(alive, result.tracking, 0.0)
            alive &= ~(result.terminated | result.diverged)
            if not alive.any():
                break
        return Walked(reward / self.seconds, tracking / self.num_steps, ~alive)

    def log(
        self, expert: ExpertNetwork, belief: Array | None, doubt: Doubt = NO_DOUBT
    ) -> tuple[F32, Ints]:
        """Walk, see `steps`, and return what the robots log: observation and executed action.

        Returns:
            (N, T, proprio_dim + action_dim), T as long as anybody walks; and how many steps each
            walked before it fell, (N,).
        """
        n = self.env.num_robots
        alive, lasted = np.ones(n, dtype=bool), np.full(n, self.num_steps)
        logged = []
        for number, (row, result) in enumerate(self.steps(expert, belief, doubt)):
            logged.append(row)
            falls = alive & (result.terminated | result.diverged)
            lasted[falls] = number
            alive &= ~falls
            if not alive.any():
                break
        return np.stack(logged, axis=1), lasted
