"""Practice: an expert trained on in a simulator of the one robot that a belief describes."""

from __future__ import annotations

import copy
import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
from numpy.typing import NDArray

from simdist_ros.core.atomic import write_atomic
from simdist_ros.embodiment.robot import Robot
from simdist_ros.pretraining.expert.belief_training import BeliefTraining
from simdist_ros.pretraining.expert.files import save_networks
from simdist_ros.pretraining.presets import ExpertSettings
from simdist_ros.pretraining.recipe import Recipe
from simdist_ros.sim.batch.known_robots import KnownRobots
from simdist_ros.sim.batch.vector_env import VectorEnv

__all__ = ['Practice', 'practice', 'practice_ground', 'practice_settings']

F32 = NDArray[np.float32]

ROBOTS = 128
LINES = 8  # of progress
MEAN = 'mean.safetensors'  # beside a checkpoint


def practice_ground(recipe: Recipe, plan_delay_steps: int) -> Recipe:
    """Return level ground, pushes and spread of bodies as where beliefs are learned; no faults.

    Args:
        recipe: Of the robot.
        plan_delay_steps: Up to how many steps after an observation its answer may begin to act.
    """
    ranges = dataclasses.replace(
        recipe.faulty_randomisation,
        fault_share=0.0,
        fault_lag_steps=0,
        plan_delay_steps=plan_delay_steps,
    )
    return dataclasses.replace(recipe.leveled(), randomisation=ranges)


class Practice(BeliefTraining):
    """PPO from a finished expert, of robots that are all told the same, right or wrong."""

    def __init__(
        self,
        robot: Robot,
        recipe: Recipe,
        settings: ExpertSettings,
        out: Path,
        expert: Path,
        known: KnownRobots,
        told: F32,
        plan_delay_steps: int,
    ) -> None:
        """Begin with an expert, or take up what the folder's checkpoint left.

        Args:
            robot: Whose.
            recipe: Its own.
            settings: Of the training; `belief_steps` is its length.
            out: Folder of this training.
            expert: File of the expert, critic included.
            known: The robots.
            told: The belief that the expert is told of each, (belief_dim,).
            plan_delay_steps: Of the expert.
        """
        self.known, self.tells, self.plan_delay_steps = known, told, plan_delay_steps
        self.averaged = 0  # actors that `mean` is of
        super().__init__(robot, recipe, settings, out, expert)
        if not told.any():  # the mirror image of a faulty robot would be told the same as it
            self.ppo.mirrors = None

    def make_env(self) -> VectorEnv:
        """Return the robots."""
        s = self.settings
        return VectorEnv(
            self.robot,
            practice_ground(self.recipe, self.plan_delay_steps),
            num_robots=s.num_robots,
            seed=s.seed,
            threads=self.threads,
            episode_steps=s.episode_steps,
            known=self.known,
        )

    def tell(self, truth: F32, who: NDArray[np.bool_]) -> F32:
        """Return what those marked, (N,), are told: the same, whatever is true of them."""
        return np.broadcast_to(self.tells, truth[who].shape)

    def go_on_from(self, path: Path) -> None:
        """Take the networks of a finished expert."""
        super().go_on_from(path)
        self.mean = copy.deepcopy(self.ppo.actor)

    def iterate(self) -> dict[str, float]:
        """Walk and learn; from the middle on, the actor counts in the mean that is kept."""
        metrics = super().iterate()
        if 2 * self.num_steps > self.settings.total_steps:
            self.averaged += 1
            weights = self.ppo.actor.state_dict()
            for name, mean in self.mean.state_dict().items():
                if mean.is_floating_point():
                    mean.lerp_(weights[name].to(mean), 1.0 / self.averaged)
        return metrics

    def save(self) -> None:
        """Write the training as it stands."""
        write_atomic(self.out / MEAN, safetensors.torch.save(self.mean.state_dict()))
        super().save()

    def held(self) -> dict[str, Any]:
        """Return what a checkpoint says, how many actors the mean is of with it."""
        return {**super().held(), 'averaged': self.averaged}

    def take_up(self, about: dict[str, Any]) -> None:
        """Go on from what a checkpoint says."""
        super().take_up(about)
        self.averaged, self.mean = about['averaged'], copy.deepcopy(self.ppo.actor)
        self.mean.load_state_dict(safetensors.torch.load_file(self.out / MEAN))

    def finish(self, path: Path) -> None:
        """Write the expert: the mean of its second half, for single updates swing."""
        about = self.about()
        delay = self.plan_delay_steps
        save_networks(path, self.mean, self.ppo.critic, about, plan_delay_steps=delay)


def practice(training: Practice, path: Path, say: Callable[[str], None]) -> dict[str, Any]:
    """Train to the end, write the expert and return how the last steps went.

    It may be cut anywhere and begun again: a checkpoint is written now and then.

    Raises:
        PretrainingError: The training diverged.
    """
    total = training.settings.total_steps
    period_s = training.robot.period_s
    metrics: dict[str, float] = {}
    told = LINES * training.num_steps // total
    saved_at = time.monotonic()
    while training.num_steps < total:
        metrics = training.iterate()
        if time.monotonic() - saved_at >= training.settings.checkpoint_s:
            training.save()
            saved_at = time.monotonic()
        done = min(total, training.num_steps)
        if LINES * done // total > told:
            told = LINES * done // total
            earned, falls = metrics['reward'] / period_s, metrics['falls']
            say(
                f'practice step {done} of {total}: reward {earned:.2f} a second, '
                f'{falls:.0%} of the episodes end in a fall'
            )
    training.finish(path)
    return metrics


def practice_settings(steps: int, seed: int) -> ExpertSettings:
    """Return how long and with how many robots to practise."""
    return ExpertSettings(
        belief_steps=steps, num_robots=ROBOTS, seed=seed, init='', belief_rate=2e-4
    )
