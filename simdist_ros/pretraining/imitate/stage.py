"""Teach the policy head on its own walks: the fourth stage of pretraining.

In the collected data the expert walks, and hardly ever stumbles as its imitation will. So the
policy head walks, the expert says of each state what he would have done, and the head learns from
all walks so far, in rounds. Encoder, dynamics, reward and value stay as they are.

Source:
    Ross et al. 2011, "A Reduction of Imitation Learning and Structured Prediction to No-Regret
    Online Learning" (DAgger).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from simdist_ros.core.errors import CheckpointError, ConfigError
from simdist_ros.embodiment.robot import Robot
from simdist_ros.jobs.stage_folder import claim_folder
from simdist_ros.jobs.train_process import train_process
from simdist_ros.jobs.train_progress import TrainLog
from simdist_ros.jobs.train_state import load_state, save_state
from simdist_ros.pretraining.collect.part import hash_of
from simdist_ros.pretraining.expert.files import EXPERT, load_actor
from simdist_ros.pretraining.expert.networks import Actor
from simdist_ros.pretraining.imitate.settings import ImitateSettings
from simdist_ros.pretraining.imitate.student import StudentWalks
from simdist_ros.pretraining.recipe import Recipe, load_recipe
from simdist_ros.pretraining.train.observation_noise import ObservationNoise, add_noise
from simdist_ros.pretraining.train.stage import BETAS
from simdist_ros.sim.batch.vector_env import VectorEnv
from simdist_ros.tasks.choice import task_of
from simdist_ros.transitions.shards.dataset import Dataset, ShardWriter, open_dataset
from simdist_ros.transitions.training_windows import WindowSampler
from simdist_ros.world_model.losses import weighted_mse
from simdist_ros.world_model.model import WorldModel
from simdist_ros.world_model.store.checkpoint import load_model
from simdist_ros.world_model.store.manifest import MANIFEST

__all__ = ['Imitated', 'run_imitate']

STATE = 'state.safetensors'
WALKS = 'walks'
STATE_INTERVAL_S = 45.0


@dataclass(frozen=True)
class Imitated:
    """A model whose policy head was trained on its own walks.

    Attributes:
        model: In evaluation mode, on the CPU.
        metrics: Falls in a minute of walking, in the first and in the last round.
    """

    model: WorldModel
    metrics: dict[str, float]


def run_imitate(
    robot: Robot,
    trained: Path,
    expert: Path,
    folder: Path,
    settings: ImitateSettings,
    *,
    device: str = 'auto',
    threads: int = 1,
    say: Callable[[str], None] = print,
) -> Imitated:
    """Let it walk and learn, or go on where an earlier run was killed.

    Args:
        robot: Whose model it is.
        trained: Folder of the model as the training left it.
        expert: Folder of the expert.
        folder: Of this stage, new or begun with the same model, expert and settings.
        settings: How much.
        device: A PyTorch device; ``auto`` is the GPU where there is one.
        threads: Cores for the physics; any number gives the same physics.
        say: Prints a line of progress.

    Raises:
        SimdistError: Model or expert are missing or of another robot, or the folder holds
            something else or was begun with other settings.
    """
    if not (trained / MANIFEST).is_file():
        raise CheckpointError(f'{trained} holds no model; run `simdist pretrain train` first')
    loaded = load_model(trained, robot)
    recipe = load_recipe(robot)
    actor = load_actor(expert / EXPERT, robot, recipe)
    claim_folder(
        folder,
        {
            'stage': 'imitate',
            'robot': robot.name,
            'settings': asdict(settings),
            'recipe': recipe.as_mapping(),
            'model': loaded.manifest.identity,
            'expert': hash_of(expert),
        },
    )
    with train_process(device) as process:
        lessons = Lessons(robot, loaded.model, settings, folder, process.device)
        with closing(
            TrainLog(folder, lessons.step, settings.num_steps, say, stage='imitate')
        ) as log:
            for index in range(lessons.step // settings.round_steps, settings.num_rounds):
                began = time.monotonic()
                with log.aside():
                    lessons.walk(index, recipe, actor, threads)
                rounds_left = settings.num_rounds - 1 - index
                log.to_come_s = rounds_left * (time.monotonic() - began)
                say(f'imitate: {lessons.said_of(index)}, {rounds_left} rounds left')
                lessons.learn(index, log)
        return Imitated(lessons.model.to('cpu').eval(), lessons.metrics())


class Lessons:
    """A model whose policy head learns, its walks, and how far it is."""

    def __init__(
        self,
        robot: Robot,
        model: WorldModel,
        settings: ImitateSettings,
        folder: Path,
        device: torch.device,
    ) -> None:
        """Begin, or take up what the folder holds."""
        self.robot, self.settings, self.folder, self.device = robot, settings, folder, device
        self.model = model.to(device).eval().requires_grad_(False)
        self.policy = self.model.heads.policy_head.requires_grad_(True)
        self.optimizer = torch.optim.Adam(
            self.policy.parameters(), settings.peak_rate, betas=BETAS, fused=True
        )
        self.noise = ObservationNoise(
            robot, model.architecture.history_steps, settings.noise_scale, device
        )
        path = folder / STATE
        self.step = load_state(path, self.policy, self.optimizer) if path.exists() else 0

    def walks(self, index: int) -> Path:
        """Return the folder of a round's walks."""
        return self.folder / WALKS / f'round-{index:04d}'

    def walk(self, index: int, recipe: Recipe, expert: Actor, threads: int) -> None:
        """Let the policy head walk as it is now, unless it has done so in this round."""
        s = self.settings
        writer = self.writer(index)
        if writer.num_shards:  # a round is one shard
            writer.close()
            return
        seeds = np.random.SeedSequence([s.seed, index]).spawn(2)
        env = VectorEnv(
            self.robot,
            recipe,
            num_robots=s.num_robots,
            seed=int(seeds[0].generate_state(1)[0]),
            threads=threads,
            episode_steps=s.rollout_steps,
        )
        walks = StudentWalks(env, self.model, expert, np.random.default_rng(seeds[1]), self.device)
        self.record(index, walks)

    def writer(self, index: int) -> ShardWriter:
        """Begin a round's walks, or find them as they were left."""
        s = self.settings
        return ShardWriter(
            self.walks(index),
            self.robot,
            seed=s.seed,
            settings={'round': index},
            shard_transitions=2 * s.num_robots * s.rollout_steps,
        )

    def record(self, index: int, walks: StudentWalks) -> None:
        """Write down a round's walks."""
        with self.writer(index) as writer:
            for episode in walks.episodes(self.settings.rollout_steps):
                writer.add(episode)

    def falls_per_minute(self, index: int) -> float:
        """Return how often a robot fell in a round."""
        dataset = open_dataset(self.walks(index), self.robot, checks_hashes=False)
        falls = sum(int(shard.terminated.sum()) for shard in dataset.shards)
        return 60.0 * falls / (dataset.num_transitions * self.robot.period_s)

    def said_of(self, index: int) -> str:
        """Say how a round's walks went."""
        task = task_of(self.robot)
        fallen = f', {self.falls_per_minute(index):.2f} falls a minute' if task.can_fail else ''
        return f'{task.noun}s of round {index + 1} done{fallen}'

    def metrics(self) -> dict[str, float]:
        """Return what the model's manifest states, after the last round."""
        if not task_of(self.robot).can_fail:
            return {}
        rounds = (('first', 0), ('last', self.settings.num_rounds - 1))
        return {
            f'imitate.falls_per_minute.{name}': round(self.falls_per_minute(index), 4)
            for name, index in rounds
        }

    def walks_up_to(self, index: int) -> Dataset:
        """Open the walks of a round and of those before it."""
        rounds = (open_dataset(self.walks(i), self.robot) for i in range(index + 1))
        return Dataset(tuple(part for one in rounds for part in one.parts))

    def learn(self, index: int, log: TrainLog) -> None:
        """Do the steps up to the end of a round, on all walks so far."""
        s, a = self.settings, self.model.architecture
        dataset = self.walks_up_to(index)
        windows = WindowSampler(
            dataset,
            np.arange(dataset.num_episodes),
            history_steps=a.history_steps,
            horizon_steps=a.horizon_steps,
        )
        saved = time.monotonic()
        is_last = False
        while not is_last:
            loss = self.do_step(windows)
            is_last = self.step % s.round_steps == 0
            log.tick(self.step, s.batch_size, partial(dict, action=loss))
            if is_last or time.monotonic() - saved > STATE_INTERVAL_S:
                if not math.isfinite(loss):
                    raise ConfigError(
                        f'the loss is not finite at step {self.step}; delete {self.folder} and '
                        'lower imitate.peak_rate'
                    )
                if is_last:
                    log.write(self.step, {'falls_per_minute': self.falls_per_minute(index)})
                save_state(self.folder / STATE, self.policy, self.optimizer, self.step)
                saved = time.monotonic()

    def do_step(self, sampler: WindowSampler) -> float:
        """Do a gradient step and return its loss."""
        s, model, past = self.settings, self.model, self.model.architecture.history_steps
        rng = np.random.default_rng([s.seed, self.step])
        windows = sampler.draw(s.batch_size, rng)
        seen, acted, ground, commands, wanted, weight = (
            torch.as_tensor(x, dtype=torch.float32).to(self.device)
            for x in (
                windows.proprio_obs[:, : past + 1],
                windows.actions[:, :past],
                windows.extero_obs,
                windows.commands,
                windows.expert_actions,
                windows.is_known,
            )
        )
        generator = torch.Generator(self.device).manual_seed(int(rng.integers(2**63)))
        seen, ground = add_noise(self.noise.draw(len(seen), generator), seen, ground)
        with torch.no_grad():
            context = model.encode(seen, acted, ground)
        scale = model.normalizer.scale
        actions = model.heads.policy(context, scale('commands', commands))
        loss = weighted_mse(actions, scale('actions', wanted), weight.unsqueeze(-1))
        for group in self.optimizer.param_groups:
            group['lr'] = s.peak_rate * (1.0 - self.step / s.num_steps)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.policy.parameters(), s.max_grad_norm)
        self.optimizer.step()
        self.step += 1
        return float(loss.detach())
