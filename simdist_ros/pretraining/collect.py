"""Data for the world model: good and bad walks, with what they were worth.

Each part of the data depends on the settings and on its number alone, so that parts may be made in
any order, by any number of processes or machines that share a folder, and again after a kill.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from simdist_ros.core.errors import CheckpointError
from simdist_ros.core.robot import Robot
from simdist_ros.pretraining.action_noise import NoiseBursts
from simdist_ros.pretraining.batch_step import Observation, StepResult
from simdist_ros.pretraining.episode_recorder import EpisodeRecorder
from simdist_ros.pretraining.expert_files import EXPERT, POLICIES, load_actor, load_critic
from simdist_ros.pretraining.ppo_networks import (
    Actor,
    Critic,
    actor_input,
    critic_input,
    to_tensor,
)
from simdist_ros.pretraining.presets import CollectSettings
from simdist_ros.pretraining.recipe import Recipe, load_recipe
from simdist_ros.pretraining.stage_folder import claim_folder
from simdist_ros.pretraining.vector_env import VectorEnv
from simdist_ros.transitions.shards import ShardWriter

__all__ = ['Walkers', 'collect_part', 'run_collect']

F32 = NDArray[np.float32]


@dataclass(frozen=True)
class Job:
    """What a process needs to make a part."""

    robot: Robot
    expert: Path
    out: Path
    settings: CollectSettings
    expert_hash: str


def run_collect(
    robot: Robot,
    expert: Path,
    out: Path,
    settings: CollectSettings,
    *,
    processes: int = 1,
    shows_progress: bool = True,
) -> Path:
    """Collect data, or go on with what was begun.

    Args:
        robot: Whose; its description names a recipe.
        expert: Folder of a finished expert.
        out: Folder of this stage, new or begun with the same settings and expert. Each part is a
            dataset of one shard; `open_dataset` reads the folder as one.
        settings: How much and how.
        processes: How many parts are made at once, one core each.
        shows_progress: Draw a progress bar with the time left.

    Returns:
        The folder.

    Raises:
        SimdistError: The expert is missing or of another robot, or the folder holds something
            else or was begun with other settings or another expert.
    """
    recipe = load_recipe(robot)
    if not (expert / EXPERT).is_file():
        raise CheckpointError(
            f'{expert / EXPERT} is missing; run `simdist pretrain expert` to its end first'
        )
    job = Job(robot, expert, out, settings, hash_of(expert))
    claim_folder(
        out,
        {
            'stage': 'collect',
            'robot': robot.name,
            'settings': dataclasses.asdict(settings),
            'recipe': recipe.as_mapping(),
            'expert': job.expert_hash,
        },
    )
    count = math.ceil(settings.total_steps / settings.shard_steps)
    for index in range(count):
        open_part(job, index)  # so that the data are not complete before all parts are
    with tqdm(
        total=count * steps_of_part(settings),
        unit='transition',
        unit_scale=True,
        desc='collect',
        disable=not shows_progress,
    ) as bar:
        for made in make_parts(job, count, processes):
            bar.update(made)
    return out


def make_parts(job: Job, count: int, processes: int) -> Iterator[int]:
    """Make all parts that are not there yet; yield how many transitions each has."""
    if processes == 1:
        yield from (collect_part(job, index) for index in range(count))
        return
    context = multiprocessing.get_context('spawn')
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        futures = [pool.submit(collect_part, job, index) for index in range(count)]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def hash_of(expert: Path) -> str:
    """Return a hash of the expert and its earlier policies."""
    digest = hashlib.sha256()
    for path in [expert / EXPERT, *sorted((expert / POLICIES).glob('*.safetensors'))]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def steps_of_part(settings: CollectSettings) -> int:
    """Return how many transitions a part has, as long as no physics diverges."""
    return settings.num_robots * math.ceil(settings.shard_steps / settings.num_robots)


def open_part(job: Job, index: int) -> ShardWriter:
    """Begin a part, or find it as it was left."""
    s = job.settings
    about = {**dataclasses.asdict(s), 'expert': job.expert_hash, 'part': index}
    return ShardWriter(
        job.out / f'part-{index:04d}',
        job.robot,
        seed=s.seed,
        settings=about,
        shard_transitions=2 * steps_of_part(s),  # a part is one shard
    )


def collect_part(job: Job, index: int) -> int:
    """Make one part of the data, unless it is there; return how many transitions it has.

    Raises:
        SimdistError: The expert or the part's folder is damaged.
    """
    s, writer = job.settings, open_part(job, index)
    if not writer.is_complete:
        torch.set_num_threads(1)
        if not writer.num_shards:
            for episode in Walkers(job.robot, job.expert, s, index).episodes():
                writer.add(episode)
        writer.close()
    return writer.num_transitions


class Walkers:
    """Robots that walk as the expert, or as an earlier policy, with bursts of noise."""

    def __init__(self, robot: Robot, expert: Path, settings: CollectSettings, index: int) -> None:
        """Load the policies and start the robots of part `index`."""
        recipe: Recipe = load_recipe(robot)
        self.settings = s = settings
        seeds = np.random.SeedSequence([s.seed, index]).spawn(2)
        self.rng = np.random.default_rng(seeds[0])
        earlier = sorted((expert / POLICIES).glob('*.safetensors'))
        paths = [expert / EXPERT, *earlier]
        self.actors: list[Actor] = [load_actor(path, robot, recipe) for path in paths]
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
        self.noise = NoiseBursts(s.num_robots, *limits, self.rng)

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

    def episodes(self) -> Iterator[Any]:
        """Yield the part's episodes; the last ones are cut where the part ends."""
        steps = math.ceil(self.settings.shard_steps / self.settings.num_robots)
        recorder = EpisodeRecorder(steps)
        for step in range(steps):
            before = self.env.observation
            action = self.act(before)
            noise, is_noisy = self.noise.next(action.shape[1])
            expert = (self.chosen == 0) & ~is_noisy
            result = self.env.step(action + noise)
            yield from recorder.add(
                before,
                result,
                actions=self.env.last_action.astype(np.float32),
                rewards=result.reward,
                next_values=self.values(result),
                is_expert=expert,
            )
            ended = result.terminated | result.truncated | result.diverged
            if step == steps - 1:
                yield from recorder.rest(result)
            elif ended.any():
                self.start(ended)
