"""Robots with chosen faults, side by side in one batch, that experts walk straight ahead."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from simdist_ros.adaptation.identification import LIMIT, SPACING
from simdist_ros.core.rotation import from_body
from simdist_ros.embodiment.robot import Robot
from simdist_ros.evaluation.goal_feedback import GoalFeedback
from simdist_ros.pretraining.expert.networks import actor_input, to_tensor
from simdist_ros.pretraining.recipe import Recipe
from simdist_ros.rl.step import StepResult
from simdist_ros.sim.batch.bumps import PERIOD_M
from simdist_ros.sim.batch.vector_env import VectorEnv
from simdist_ros.tasks.choice import task_of
from simdist_ros.world_model.expert import ExpertNetwork
from simdist_ros.world_model.identifier import Identifier

Array = NDArray[np.floating[Any]]
F32 = NDArray[np.float32]
Mask = NDArray[np.bool_]

FRICTION = 0.8
START_OFFSET_RAD = 0.03
PUSH_INTERVAL_S, PUSH_SPEED_MPS = 4.0, 0.3
HEADING_GAIN = 1.0  # 1/s
AHEAD = np.array([[1.0, 0.0, 0.0]])


def level_recipe(recipe: Recipe) -> Recipe:
    """Return a recipe of robots as described on level ground, with the sensors' noise."""
    exact = dataclasses.replace(
        recipe.randomisation,
        friction_low=FRICTION,
        friction_high=FRICTION,
        payload_low_kg=0.0,
        payload_high_kg=0.0,
        centre_of_mass_m=0.0,
        gain_spread=0.0,
        strength_low=1.0,
        joint_friction_nm=0.0,
        start_offset_rad=START_OFFSET_RAD,
        plan_delay_steps=0,
        fault_lag_steps=recipe.faulty_randomisation.fault_lag_steps,
    )
    return dataclasses.replace(recipe.leveled(), randomisation=exact)


class PairedBatch(VectorEnv):
    """Robots with given faults; those of one seed start alike and are pushed alike."""

    def __init__(
        self,
        robot: Robot,
        recipe: Recipe,
        faults: Mapping[str, Array],
        seeds: NDArray[np.intp],
        *,
        steps: int,
        first_seed: int,
    ) -> None:
        """Start all.

        Args:
            robot: Whose.
            recipe: Its own.
            faults: What `draw_faults` would draw, (N, size of it) each.
            seeds: Of each robot, from 0, (N,).
            steps: That are walked at most.
            first_seed: Of all that is random.
        """
        self.faults, self.seeds, self.time = faults, seeds, 0
        self.pushes = draw_pushes(robot, int(seeds.max()) + 1, steps, first_seed)
        count = len(seeds)
        super().__init__(
            robot,
            level_recipe(recipe),
            num_robots=count,
            seed=first_seed,
            episode_steps=steps + 1,
        )
        first = np.unique(seeds, return_index=True)[1]
        alike = first[seeds]
        pose = self.state[alike]
        zero = faults['joint_zero_offset_rad']
        pose[:, self.layout.joint_pos] += zero[alike] - zero  # what encoders read is alike
        pose[:, self.layout.velocity_at :] = 0.0
        self.state = pose
        for name in ('stamp_ns', 'delay', 'last_action', 'executed'):
            values = getattr(self, name)
            values[:] = values[alike]
        self.hold(np.arange(count))
        self.observation = self.observe(self.state, self.stamp_ns)

    def draw(self, settings: Any, index: NDArray[np.intp]) -> None:
        """Give robots their faults."""
        super().draw(settings, index)
        for name, values in self.faults.items():
            self.parameters[name][index] = values[index]

    def push(self) -> None:
        """Push all as their seed has it."""
        self.layout.push(
            self.state, np.arange(self.num_robots), self.pushes[self.time, self.seeds]
        )
        self.time += 1

    def renew_commands(self) -> None:
        """Leave the commands to who walks."""


def draw_pushes(robot: Robot, seeds: int, steps: int, first_seed: int) -> Array:
    """Draw what each step adds to the velocity of robots of each seed, (steps, seeds, 2) [m/s]."""
    rng = np.random.default_rng(first_seed)
    pushes = np.zeros((steps, seeds, 2))
    mean = PUSH_INTERVAL_S * robot.control_rate_hz
    for seed in range(seeds):
        at = round(rng.uniform(0.5, 1.5) * mean)
        while at < steps:
            angle = rng.uniform(-np.pi, np.pi)
            pushes[at, seed] = PUSH_SPEED_MPS * np.cos(angle), PUSH_SPEED_MPS * np.sin(angle)
            at += round(rng.uniform(0.5, 1.5) * mean)
    return pushes


@dataclass
class Walkers:
    """Who leads N robots, what they believe and how fast they are to walk.

    Attributes:
        plain: Expert without a belief.
        believing: Expert with one.
        is_plain: Whom the plain one leads, (N,).
        has_pi: Whose command a PI corrects, (N,).
        beliefs: (N, belief_dim).
        speed: Ahead, (N,) [m/s].
    """

    plain: ExpertNetwork
    believing: ExpertNetwork
    is_plain: Mask
    has_pi: Mask
    beliefs: F32
    speed: Array

    def __post_init__(self) -> None:
        """Begin with nothing measured."""
        self.feedback: dict[int, GoalFeedback] = {}

    @torch.inference_mode()
    def act(self, env: VectorEnv, wanted: Array) -> F32:
        """Return actions, (N, action_dim), for commands, (N, command_dim)."""
        asked = wanted.astype(np.float32)
        proprio = env.observation.proprio_obs
        for i in np.flatnonzero(self.has_pi):
            pi = self.feedback.setdefault(int(i), GoalFeedback(task_of(env.robot)))
            asked[i] = pi.command(asked[i], proprio[i])
        seen = to_tensor(dataclasses.replace(env.observation, command=asked), 'cpu')
        x, ground = actor_input(seen), seen['extero_obs']
        told = torch.from_numpy(self.beliefs)
        plain = torch.from_numpy(self.is_plain)
        action = torch.empty(len(x), env.robot.num_joints)
        if plain.any():
            action[plain] = self.plain(x[plain], ground[plain])
        if not plain.all():
            other = ~plain
            action[other] = self.believing(x[other], ground[other], told[other])
        return action.numpy()


@dataclass(frozen=True)
class Outcome:
    """How walks went, (N,) each; nothing is earned after a fall."""

    reward_per_s: Array
    progress_m: Array
    fell: Mask


Watch = Callable[[int, F32, StepResult], None]  # step, what is logged of it, how it ended


def walk(env: PairedBatch, walkers: Walkers, steps: int, watch: Watch | None = None) -> Outcome:
    """Walk straight ahead; who falls begins anew, for a watcher alone."""
    count = env.num_robots
    heading = headings(env)
    ahead = np.stack([np.cos(heading), np.sin(heading)], axis=1)
    goal = task_of(env.robot).goal
    stands = np.ones(count, dtype=bool)
    reward, progress = np.zeros(count), np.zeros(count)
    for step in range(steps):
        off = heading - headings(env)
        turn = HEADING_GAIN * ((off + np.pi) % (2 * np.pi) - np.pi)
        wanted = np.stack([walkers.speed, np.zeros(count), turn], axis=1)
        wanted = np.clip(wanted, goal.low, goal.high)
        action = walkers.act(env, wanted)
        env.commands[:] = wanted
        seen, before = env.observation.proprio_obs, env.layout.level(env.state).copy()
        result = env.step(action)
        moved = env.layout.level(env.state) - before
        moved -= PERIOD_M * np.rint(moved / PERIOD_M)
        ended = result.terminated | result.diverged
        stands &= ~ended
        reward += stands * result.reward
        progress += stands * (moved * ahead).sum(axis=1)
        if watch is not None:
            watch(step, np.concatenate([seen, env.executed], axis=1, dtype=np.float32), result)
        if ended.any():
            env.reset(ended)
            heading[ended] = headings(env)[ended]
    seconds = steps / env.robot.control_rate_hz
    return Outcome(reward / seconds, progress, ~stands)


def headings(env: VectorEnv) -> Array:
    """Return where the robots look, (N,) [rad]."""
    ahead = from_body(env.layout.motion(env.state)[1], AHEAD)
    heading: Array = np.arctan2(ahead[:, 1], ahead[:, 0])
    return heading


class Learning:
    """Reads beliefs from what robots do, and lets them believe what is known at intervals."""

    def __init__(self, identifier: Identifier, walkers: Walkers, every: int) -> None:
        """Begin with nothing seen.

        Args:
            identifier: In evaluation mode.
            walkers: Whose beliefs are renewed.
            every: Steps between two renewals.
        """
        self.identifier, self.walkers, self.every = identifier, walkers, every
        count, size = len(walkers.beliefs), len(identifier.mean)
        self.recent = np.zeros((count, identifier.window_steps, size), dtype=np.float32)
        self.age = np.zeros(count, dtype=np.intp)
        self.falls = np.zeros(count, dtype=np.intp)
        self.windows = np.zeros(count, dtype=np.intp)
        self.total = torch.zeros(0)

    @torch.no_grad()
    def __call__(self, step: int, logged: F32, result: StepResult) -> None:
        """Take a step into account."""
        ended = result.terminated | result.diverged
        self.recent = np.concatenate([self.recent[:, 1:], logged[:, None]], axis=1)
        self.age += 1
        whole = (self.age >= self.identifier.window_steps) & ~ended
        if step % SPACING == 0 and whole.any():
            found = self.identifier.features(torch.from_numpy(self.recent[whole]))
            if not len(self.total):
                self.total = torch.zeros(len(whole), found.shape[1])
            self.total[torch.from_numpy(whole)] += found
            self.windows += whole
        self.falls += ended
        self.age[ended] = 0
        if (step + 1) % self.every == 0:
            self.walkers.beliefs[:] = self.beliefs()

    @torch.no_grad()
    def beliefs(self) -> F32:
        """Return what is known, (N, belief_dim); zeros of whom nothing was seen."""
        known = self.windows > 0
        found = np.zeros_like(self.walkers.beliefs)
        if known.any():
            mean = self.total[torch.from_numpy(known)] / torch.from_numpy(
                self.windows[known, None]
            )
            told = self.identifier.identify(mean.float()[:, None]).clamp(-LIMIT, LIMIT)
            found[known] = told.numpy()
        return found


def repeated(faults: Sequence[Mapping[str, Array]], index: NDArray[np.intp]) -> dict[str, Array]:
    """Return faults, each (size,), as those of N robots, (N, size), by their numbers, (N,)."""
    return {name: np.stack([one[name] for one in faults])[index] for name in faults[0]}
