"""The training of an expert by reinforcement, in a folder from which it goes on."""

from __future__ import annotations

import copy
import dataclasses
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from simdist_ros.core.atomic import write_atomic
from simdist_ros.core.settings import describe
from simdist_ros.embodiment.robot import Robot
from simdist_ros.jobs.metrics_log import MetricsLog
from simdist_ros.pretraining.expert.curriculum import Curriculum
from simdist_ros.pretraining.expert.files import (
    CHECKPOINT,
    POLICIES,
    load_actor,
    load_critic,
    load_training,
    save_networks,
    save_training,
    steps_done,
    whose,
)
from simdist_ros.pretraining.expert.networks import (
    Actor,
    Critic,
    actor_input,
    critic_input,
    make_ppo,
    to_tensor,
)
from simdist_ros.pretraining.presets import ExpertSettings
from simdist_ros.pretraining.recipe import Recipe
from simdist_ros.rl.ppo import Experience, Ppo, PpoSettings
from simdist_ros.rl.step import Observation, StepResult
from simdist_ros.sim.batch.vector_env import VectorEnv
from simdist_ros.sim.scenes.world import load_world

__all__ = ['NARROW', 'ExpertTraining']

CURVE = 'curve.json'
NARROW = 'narrow.safetensors'  # the actor before the wider worlds


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
        self.ppo = self.make_ppo(ppo)
        self.curriculum = Curriculum(self.env)
        self.curve: list[dict[str, float]] = []
        if (out / CHECKPOINT).is_file():
            self.take_up(load_training(out / CHECKPOINT, self.ppo, self.env))
        else:
            if s.init:
                self.go_on_from(Path(s.init))
            self.spread_episodes()

    def make_ppo(self, settings: PpoSettings) -> Ppo[Actor, Critic]:
        """Return the networks with their first weights, and what teaches them."""
        return make_ppo(self.robot, self.recipe, settings, self.settings.seed, self.device)

    def spread_episodes(self) -> None:
        """Let episodes be of all lengths, or all would end at once for ever."""
        s = self.settings
        self.env.steps[:] = self.env.rng.integers(s.episode_steps, size=s.num_robots)

    def take_up(self, about: dict[str, Any]) -> None:
        """Go on from what a checkpoint says, as `held` returned it."""
        self.curve = about['curve']
        self.curriculum.tracking[:] = about['tracking']

    def go_on_from(self, path: Path) -> None:
        """Take the networks of a finished expert."""
        actor, critic = (load(path, self.robot, self.recipe) for load in (load_actor, load_critic))
        self.ppo.actor.load_state_dict(actor.state_dict())
        self.ppo.critic.load_state_dict(critic.state_dict())

    def make_env(self) -> VectorEnv:
        """Return robots in the worlds of the present part of the training."""
        s = self.settings
        is_wide = self.num_steps >= s.narrow_steps
        settings = self.recipe
        mixture: tuple[Recipe, ...] = ()
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
        self.spread_episodes()
        self.curriculum = Curriculum(self.env)

    def run(self, shows_progress: bool, path: Path) -> None:
        """Train to the end and write the expert to a file."""
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
            path,
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
        path = self.out / NARROW
        if not path.is_file():
            return self.ppo.actor
        return self.blend(load_actor(path, self.robot, self.recipe), self.settings.blend)

    def blend(self, before: Actor, share: float) -> Actor:
        """Return the actor that lies a share of the way from another to the present one."""
        actor, first = copy.deepcopy(self.ppo.actor), before.state_dict()
        for name, last in actor.state_dict().items():
            if last.is_floating_point():
                last.copy_(torch.lerp(first[name].to(last), last, share))
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
            x, truth, extero = self.inputs(env.observation)
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
                self.begin(ended)
        _, truth, extero = self.inputs(env.observation)
        values.append(ppo.critic(truth, extero))
        names = ('actor', 'critic', 'extero', 'action', 'mean', 'log_prob', 'reward', 'ended')
        stacked = {n: torch.stack(c) for n, c in zip(names, zip(*rows, strict=True), strict=True)}
        metrics = {**tally.metrics(), 'level': float(env.levels.mean())}
        return Experience(**stacked, value=torch.stack(values)), metrics

    def inputs(self, observation: Observation) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return what the actor knows, what the critic knows, and what is around."""
        seen = to_tensor(observation, self.device)
        return actor_input(seen), critic_input(seen), seen['extero_obs']

    def begin(self, who: NDArray[np.bool_]) -> None:
        """Start new episodes of those marked, (N,)."""
        self.env.reset(who)

    def cut_off_value(self, result: StepResult) -> torch.Tensor:
        """Return what an episode that was only cut off would still have been worth, (N,)."""
        worth = torch.zeros(len(result.reward), device=self.device)
        index = np.flatnonzero(result.truncated)
        if len(index):
            _, truth, extero = self.inputs(result.observation)
            value = self.ppo.critic(truth[index], extero[index])
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
        save_training(self.out / CHECKPOINT, self.ppo, self.env, self.held())
        write_atomic(self.out / CURVE, json.dumps(self.curve).encode())

    def held(self) -> dict[str, Any]:
        """Return what a checkpoint says beside the numbers of networks and robots."""
        tracking = self.curriculum.tracking.tolist()
        return {'num_steps': self.num_steps, 'curve': self.curve, 'tracking': tracking}

    def about(self) -> dict[str, Any]:
        """Return what is said about a policy."""
        last = self.curve[-1] if self.curve else {}
        return {**whose(self.env.robot), 'num_steps': self.num_steps, 'metrics': last}


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
