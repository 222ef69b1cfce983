"""The expert: a policy and its value, learned by reinforcement in simulation."""

from __future__ import annotations

import copy
import dataclasses
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from simdist_ros.core.atomic import write_atomic
from simdist_ros.core.settings import describe
from simdist_ros.embodiment.robot import Robot
from simdist_ros.jobs.metrics_log import MetricsLog
from simdist_ros.jobs.stage_folder import claim_folder
from simdist_ros.pretraining.expert.curriculum import Curriculum
from simdist_ros.pretraining.expert.files import (
    CHECKPOINT,
    EXPERT,
    POLICIES,
    load_actor,
    load_critic,
    load_training,
    save_networks,
    save_training,
    steps_done,
)
from simdist_ros.pretraining.expert.networks import (
    Actor,
    actor_input,
    critic_input,
    make_ppo,
    to_tensor,
)
from simdist_ros.pretraining.presets import ExpertSettings
from simdist_ros.pretraining.recipe import Recipe, load_recipe
from simdist_ros.rl.ppo import Experience, PpoSettings
from simdist_ros.rl.step import StepResult
from simdist_ros.sim.batch.vector_env import VectorEnv
from simdist_ros.sim.scenes.world import load_world
from simdist_ros.sim.world_fit import check_world

__all__ = ['ExpertTraining', 'run_expert']

CURVE = 'curve.json'
NARROW = 'narrow.safetensors'  # the actor before the wider worlds


def run_expert(
    robot: Robot,
    out: Path,
    settings: ExpertSettings,
    *,
    threads: int = 1,
    device: str = 'cpu',
    shows_progress: bool = True,
) -> Path:
    """Train an expert, or go on with one that was begun.

    Writes ``stage.yaml`` (settings), ``checkpoint.safetensors`` (the training as it stands),
    ``policies/<steps>.safetensors`` (earlier policies), ``curve.json``, ``tensorboard/`` and, at
    the end, ``expert.safetensors``.

    Args:
        robot: Whose; its description names a recipe.
        out: Folder of this stage, new or begun with the same settings.
        settings: How much and how.
        threads: Cores for the physics; any number gives the same result.
        device: Where the networks learn; the physics is on the CPU.
        shows_progress: Draw a progress bar with the time left.

    Returns:
        The file of the expert.

    Raises:
        SimdistError: The folder holds something else or was begun with other settings, the recipe
            does not fit, or the training diverged.
    """
    recipe = load_recipe(robot)
    if settings.world:
        check_world(robot, load_world(settings.world))
    if settings.init:
        load_critic(Path(settings.init), robot, recipe)
    values = dataclasses.asdict(settings)
    claim_folder(
        out,
        {
            'stage': 'expert',
            'robot': robot.name,
            'settings': values,
            'recipe': recipe.as_mapping(),
        },
    )
    (out / POLICIES).mkdir(exist_ok=True)
    if (out / EXPERT).is_file():
        return out / EXPERT
    torch.set_num_threads(1)  # where another process has a core, two threads wait for each other
    training = ExpertTraining(robot, recipe, settings, out, threads=threads, device=device)
    training.run(shows_progress)
    return out / EXPERT


class ExpertTraining:
    """A training in a folder; its `run` may be cut anywhere and begun again."""

    def __init__(
        self,
        robot: Robot,
        recipe: Recipe,
        settings: ExpertSettings,
        out: Path,
        *,
        threads: int = 1,
        device: str = 'cpu',
    ) -> None:
        """Begin, or take up what the folder's checkpoint left."""
        self.settings, self.out, self.device = settings, out, device
        self.robot, self.recipe, self.threads = robot, recipe, threads
        s = settings
        self.num_steps = steps_done(out / CHECKPOINT, robot)
        self.env = self.make_env()
        ppo = PpoSettings(**{info.name: getattr(s, info.name) for info in describe(PpoSettings)})
        self.ppo = make_ppo(robot, recipe, ppo, s.seed, device)
        self.curriculum = Curriculum(self.env)
        self.curve: list[dict[str, float]] = []
        if (out / CHECKPOINT).is_file():
            about = load_training(out / CHECKPOINT, self.ppo, self.env)
            self.curve = about['curve']
            self.curriculum.tracking[:] = about['tracking']
        else:
            if s.init:
                self.go_on_from(Path(s.init))
            # Episodes of all lengths from the start on, or all would end at once for ever.
            self.env.steps[:] = self.env.rng.integers(s.episode_steps, size=s.num_robots)

    def go_on_from(self, path: Path) -> None:
        """Take the networks of a finished expert."""
        actor, critic = (load(path, self.robot, self.recipe) for load in (load_actor, load_critic))
        self.ppo.actor.load_state_dict(actor.state_dict())
        self.ppo.critic.load_state_dict(critic.state_dict())

    def make_env(self) -> VectorEnv:
        """Return robots in the worlds of the present part of the training."""
        s = self.settings
        is_wide = self.num_steps >= s.narrow_steps
        settings, mixture = self.recipe, ()
        if is_wide:  # by half, or nominal ground would be forgotten
            settings = self.recipe.widened()
            narrow = dataclasses.replace(settings, randomisation=self.recipe.randomisation)
            mixture = (settings, narrow)
        return VectorEnv(
            self.robot,
            settings,
            num_robots=s.num_robots,
            seed=s.seed + is_wide,
            threads=self.threads,
            episode_steps=s.episode_steps,
            mixture=mixture,
            world=load_world(s.world) if s.world else None,
        )

    def widen(self) -> None:
        """Go on in the wider worlds with every second robot, on ground as hard as before."""
        levels = self.env.levels
        save_networks(self.out / NARROW, self.ppo.actor, None, self.about())
        self.env = self.make_env()
        self.env.levels[:] = levels
        self.env.reset(np.ones(len(levels), dtype=bool))
        self.env.steps[:] = self.env.rng.integers(self.settings.episode_steps, size=len(levels))
        self.curriculum = Curriculum(self.env)

    def run(self, shows_progress: bool) -> None:
        """Train to the end."""
        log = MetricsLog(self.out / 'tensorboard', self.num_steps)
        saved_at = time.monotonic()
        with tqdm(
            total=self.settings.total_steps,
            initial=self.num_steps,
            unit='step',
            unit_scale=True,
            desc='expert',
            disable=not shows_progress,
        ) as bar:
            while self.num_steps < self.settings.total_steps:
                before, metrics = self.num_steps, self.iterate()
                bar.update(self.num_steps - before)
                bar.set_postfix_str(summary(metrics, self.env))
                log.write(self.num_steps, metrics)
                self.keep_policy(before)
                if before < self.settings.narrow_steps <= self.num_steps:
                    self.widen()
                if time.monotonic() - saved_at >= self.settings.checkpoint_s:
                    self.save()
                    saved_at = time.monotonic()
        log.close()
        self.save()
        save_networks(
            self.out / EXPERT,
            self.blended(),
            self.ppo.critic,
            self.about(),
            plan_delay_steps=self.env.settings.randomisation.plan_delay_steps,
        )

    def blended(self) -> Actor:
        """Return the actor between those before and after the wider worlds.

        Bumps are not forgotten, and most of what the second has learned is kept.

        Source:
            Wortsman et al. 2022, "Robust fine-tuning of zero-shot models".
        """
        actor, path = copy.deepcopy(self.ppo.actor), self.out / NARROW
        if path.is_file():
            before = load_actor(path, self.robot, self.recipe).state_dict()
            for name, last in actor.state_dict().items():
                if last.is_floating_point():
                    last.copy_(torch.lerp(before[name].to(last), last, self.settings.blend))
        return actor

    def iterate(self) -> dict[str, float]:
        """Walk for a while, learn from it, and return how it went."""
        s = self.settings
        started = time.monotonic()
        ramp = 1.0 if s.init else min(1.0, self.num_steps / s.ramp_steps)
        self.env.penalty_scale = s.first_penalty + (1.0 - s.first_penalty) * ramp
        self.env.command_scale = s.first_commands + (1.0 - s.first_commands) * ramp
        experience, metrics = self.walk()
        walked = time.monotonic()
        metrics.update(self.ppo.update(experience))
        self.num_steps += s.num_robots * s.horizon_steps
        done = time.monotonic()
        metrics['steps_per_s'] = s.num_robots * s.horizon_steps / (done - started)
        metrics['walking_share'] = (walked - started) / (done - started)
        self.curve.append({'num_steps': self.num_steps, **metrics})
        return metrics

    @torch.no_grad()
    def walk(self) -> tuple[Experience, dict[str, float]]:
        """Gather the experience of one update."""
        env, ppo, device = self.env, self.ppo, self.device
        rows: list[tuple[torch.Tensor, ...]] = []
        values, tally = [], Tally()
        for _ in range(self.settings.horizon_steps):
            seen = to_tensor(env.observation, device)
            x, truth, extero = actor_input(seen), critic_input(seen), seen['extero_obs']
            values.append(ppo.critic(truth, extero))
            action, mean, log_prob = ppo.act(x, extero)
            result = env.step(action.cpu().numpy())
            reward = torch.from_numpy(result.reward).to(device) + self.cut_off_value(result)
            ended = result.terminated | result.truncated | result.diverged
            flags = torch.from_numpy(ended).to(device)
            rows.append((x, truth, extero, action, mean, log_prob, reward, flags))
            tally.add(result)
            self.curriculum.after(result)
            if ended.any():
                env.reset(ended)
        last = to_tensor(env.observation, device)
        values.append(ppo.critic(critic_input(last), last['extero_obs']))
        names = ('actor', 'critic', 'extero', 'action', 'mean', 'log_prob', 'reward', 'ended')
        stacked = {n: torch.stack(c) for n, c in zip(names, zip(*rows, strict=True), strict=True)}
        metrics = {**tally.metrics(), 'level': float(env.levels.mean())}
        return Experience(**stacked, value=torch.stack(values)), metrics

    def cut_off_value(self, result: StepResult) -> torch.Tensor:
        """Return what an episode that was only cut off would still have been worth, (N,)."""
        worth = torch.zeros(len(result.reward), device=self.device)
        index = np.flatnonzero(result.truncated)
        if len(index):
            seen = {n: v[index] for n, v in to_tensor(result.observation, self.device).items()}
            value = self.ppo.critic(critic_input(seen), seen['extero_obs'])
            worth[torch.from_numpy(index).to(self.device)] = self.settings.discount * value
        return worth

    def keep_policy(self, before: int) -> None:
        """Keep the present policy when another share of the training is over."""
        s = self.settings
        share = s.total_steps / (s.policies_kept + 1)
        if int(self.num_steps / share) > int(before / share) and self.num_steps < s.total_steps:
            path = self.out / POLICIES / f'{self.num_steps:010d}.safetensors'
            save_networks(path, self.ppo.actor, None, self.about())

    def save(self) -> None:
        """Write the training as it stands."""
        about = {
            'num_steps': self.num_steps,
            'curve': self.curve,
            'tracking': self.curriculum.tracking.tolist(),
        }
        save_training(self.out / CHECKPOINT, self.ppo, self.env, about)
        write_atomic(self.out / CURVE, json.dumps(self.curve).encode())

    def about(self) -> dict[str, Any]:
        """Return what is said about a policy."""
        last = self.curve[-1] if self.curve else {}
        return {'robot': self.env.robot.name, 'num_steps': self.num_steps, 'metrics': last}


class Tally:
    """Means over the steps of an update."""

    def __init__(self) -> None:
        self.sums: dict[str, float] = {}
        self.steps = 0
        self.fallen = self.ended = self.diverged = 0

    def add(self, result: StepResult) -> None:
        """Take a step into account."""
        self.steps += 1
        for name, value in {**result.terms, 'reward': float(result.reward.mean())}.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
        self.fallen += int(result.terminated.sum())
        self.ended += int((result.terminated | result.truncated).sum())
        self.diverged += int(result.diverged.sum())

    def metrics(self) -> dict[str, float]:
        """Return the means, the share of episodes that ended in a fall, and who diverged."""
        means = {name: total / self.steps for name, total in self.sums.items()}
        falls = self.fallen / max(1, self.ended)
        return {**means, 'falls': falls, 'diverged': float(self.diverged)}


def summary(metrics: dict[str, float], env: VectorEnv) -> str:
    """Return what a progress bar has room for."""
    first = env.task.earned[0]
    fallen = f'falls {metrics["falls"]:.0%}, ' if env.task.can_fail else ''
    return (
        f'reward {metrics["reward"] / env.robot.period_s:.2f}/s, {first} {metrics[first]:.2f}, '
        f'{fallen}level {metrics["level"]:.2f}'
    )
