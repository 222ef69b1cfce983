"""Train a world model on transitions: the third stage of pretraining."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.action_space import action_space_of
from simdist_ros.embodiment.observation_terms import proprio_obs_dim
from simdist_ros.embodiment.robot import Robot
from simdist_ros.jobs.stage_folder import claim_folder
from simdist_ros.jobs.train_process import TrainProcess, train_process
from simdist_ros.jobs.train_progress import TrainLog
from simdist_ros.jobs.train_state import load_state, save_state
from simdist_ros.pretraining.recipe import load_recipe
from simdist_ros.pretraining.train.fit_normalizer import fit_normalizer
from simdist_ros.pretraining.train.losses import Batch, Losses, WorldModelLoss
from simdist_ros.pretraining.train.observation_noise import ObservationNoise
from simdist_ros.pretraining.train.settings import TrainSettings
from simdist_ros.pretraining.train.validation import validate
from simdist_ros.tasks.choice import task_of
from simdist_ros.transitions.shards.dataset import Dataset, DatasetError, open_dataset
from simdist_ros.transitions.training_windows import WindowSampler, split_episodes
from simdist_ros.world_model.architecture import Architecture
from simdist_ros.world_model.cpu_inference import keep_freed_memory
from simdist_ros.world_model.encoders.sizes import sizes_for
from simdist_ros.world_model.model import WorldModel

__all__ = ['BETAS', 'TrainResult', 'robot_architecture', 'run_train']

STATE = 'state.safetensors'
STATE_INTERVAL_S = 45.0
BATCHES_AHEAD = 2
BETAS = 0.9, 0.95  # with Adam's own 0.999 a rate of 2e-3 diverged: latents suddenly grow


@dataclass(frozen=True)
class TrainResult:
    """A trained model and its losses on held-out episodes."""

    model: WorldModel
    metrics: dict[str, float]


def robot_architecture(robot: Robot) -> Architecture:
    """Return the published sizes, with those that a robot decides."""
    recipe = load_recipe(robot)
    return Architecture(
        proprio_obs_dim=proprio_obs_dim(robot),
        **sizes_for(robot),
        action_dim=action_space_of(robot).dim,
        command_dim=task_of(robot).goal.size,
        history_steps=recipe.history_steps,
        horizon_steps=recipe.horizon_steps,
    )


def run_train(
    robot: Robot,
    data: Path,
    folder: Path,
    settings: TrainSettings,
    *,
    architecture: Architecture | None = None,
    device: str = 'auto',
    say: Callable[[str], None] = print,
) -> TrainResult | None:
    """Train, or go on where an earlier run was killed.

    The windows and the noise of a step depend on the seed and its number alone, so that a resumed
    training ends in the weights it would have had.

    Args:
        robot: Whose world model it becomes.
        data: Folder of transitions.
        folder: Where the training keeps its state and its log.
        settings: What the result depends on.
        architecture: Sizes of the model; by default the published ones.
        device: A PyTorch device; ``auto`` is the GPU where there is one.
        say: Prints a line of progress.

    Returns:
        The model in evaluation mode, on the CPU; None in all processes but the first.

    Raises:
        DatasetError: The data are damaged or of another robot.
        ConfigError: The folder holds the training of something else or other settings.
        CheckpointError: The state of the training is damaged.
    """
    with train_process(device) as process:
        dataset = open_dataset(data, robot, checks_hashes=process.is_first)
        if not dataset.is_complete:
            raise DatasetError(
                f'{data} is not complete: its collection was cut short; run `simdist pretrain '
                'collect` to its end first'
            )
        training = Training(
            robot, dataset, settings, architecture or robot_architecture(robot), process
        )
        if process.is_first:
            claim_folder(folder, training.about)
        process.wait()
        start = training.resume(folder / STATE)
        process.wait()  # no process writes before all have read
        return training.run(folder, start, say if process.is_first else lambda line: None)


def learning_rate(step: int, settings: TrainSettings) -> float:
    """Return the rate of a step: rising linearly, then falling along half a cosine."""
    if step < settings.warmup_steps:
        return settings.peak_rate * (step + 1) / settings.warmup_steps
    progress = (step - settings.warmup_steps) / max(1, settings.num_steps - settings.warmup_steps)
    share = 0.5 * (1.0 + math.cos(math.pi * progress))
    return settings.final_rate + (settings.peak_rate - settings.final_rate) * share


class Training:
    """A model, its optimizer and the data they are trained on."""

    def __init__(
        self,
        robot: Robot,
        dataset: Dataset,
        settings: TrainSettings,
        architecture: Architecture,
        process: TrainProcess,
    ) -> None:
        """Begin with random weights and a normalizer fitted to the data."""
        if settings.batch_size % process.world_size:
            raise ConfigError(
                f'batch_size {settings.batch_size} cannot be divided among '
                f'{process.world_size} processes; choose a multiple'
            )
        self.settings, self.process = settings, process
        kept, held_out = split_episodes(dataset.num_episodes, settings.held_out, settings.seed)
        self.windows, self.held_out = (
            WindowSampler(
                dataset,
                episodes,
                history_steps=architecture.history_steps,
                horizon_steps=architecture.horizon_steps,
            )
            for episodes in (kept, held_out)
        )
        self.about = {
            'stage': 'train',
            'robot': robot.name,
            'data': dataset.fingerprint(),
            'settings': asdict(settings),
            'architecture': asdict(architecture),
        }
        keep_freed_memory()
        self.model = WorldModel(architecture, settings.seed)
        fit_normalizer(self.model.normalizer, self.windows, robot, settings.seed)
        self.model.to(process.device).train()
        self.loss = WorldModelLoss(self.model, settings)
        self.optimizer = torch.optim.Adam(
            self.model.parameters(), settings.peak_rate, betas=BETAS, fused=True
        )
        self.noise = ObservationNoise(
            robot, architecture.history_steps, settings.noise_scale, process.device
        )

    def resume(self, path: Path) -> int:
        """Take over a saved state, if there is one, and return its number of steps."""
        return load_state(path, self.model, self.optimizer) if path.exists() else 0

    def save(self, path: Path, step: int) -> None:
        """Write the state, in the first process."""
        if self.process.is_first:
            save_state(path, self.model, self.optimizer, step)

    def run(self, folder: Path, start: int, say: Callable[[str], None]) -> TrainResult | None:
        """Do the remaining steps."""
        if not self.process.is_first:
            for _ in self.steps(start):
                pass
            self.process.wait()
            return None
        with closing(TrainLog(folder, start, self.settings.num_steps, say)) as log:
            saved, metrics = time.monotonic(), self.validate() if start else {}
            for step, losses in self.steps(start):
                log.tick(step, self.settings.batch_size, partial(numbers, losses))
                is_last = step == self.settings.num_steps
                is_due = time.monotonic() - saved > STATE_INTERVAL_S
                if is_last or is_due:
                    check_finite(step, losses)
                if is_last or step % self.settings.validation_interval == 0:
                    metrics = self.validate()
                    log.write(step, {f'held_out/{name}': v for name, v in metrics.items()})
                    shown = ', '.join(f'{name} {value:.4f}' for name, value in metrics.items())
                    say(f'train: step {step}, held out: {shown}')
                if is_last or is_due:
                    self.save(folder / STATE, step)
                    saved = time.monotonic()
        self.process.wait()
        return TrainResult(self.model.to('cpu').eval(), metrics)

    def validate(self) -> dict[str, float]:
        """Return the losses on held-out episodes."""
        size = self.settings.validation_windows
        return validate(self.loss, self.held_out, size, self.process.device)

    def steps(self, start: int) -> Iterator[tuple[int, Losses]]:
        """Do one step after the other; yield how many are done and the losses of the last."""
        module: nn.Module = self.loss
        if self.process.world_size > 1:
            module = DistributedDataParallel(self.loss)
        half = self.settings.precision == 'bfloat16'
        device = self.process.device
        for index, batch in self.batches(start):
            for group in self.optimizer.param_groups:
                group['lr'] = learning_rate(index, self.settings)
            noise = self.noise.draw(len(batch.weight), self.generator(index))
            with torch.autocast(device.type, torch.bfloat16, enabled=half):
                losses = cast(Losses, module(batch, noise))
            self.optimizer.zero_grad(set_to_none=True)
            losses.total.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.max_grad_norm)
            self.optimizer.step()
            yield index + 1, losses

    def batches(self, start: int) -> Iterator[tuple[int, Batch]]:
        """Read the batches of steps `start`.. while others are being computed."""
        share = self.settings.batch_size // self.process.world_size

        def read(index: int) -> Batch:
            chosen = np.random.default_rng([self.settings.seed, self.process.rank, index])
            return Batch.from_windows(self.windows.draw(share, chosen), self.process.device)

        with ThreadPoolExecutor(1) as pool:
            waiting = deque[Future[Batch]]()
            for index in range(start, self.settings.num_steps):
                while len(waiting) <= BATCHES_AHEAD:
                    waiting.append(pool.submit(read, index + len(waiting)))
                yield index, waiting.popleft().result()

    def generator(self, index: int) -> torch.Generator:
        """Return the source of a step's noise."""
        entropy = [self.settings.seed, self.process.rank, index, 1]
        seed = int(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0] >> 1)
        return torch.Generator(self.process.device).manual_seed(seed)


def check_finite(step: int, losses: Losses) -> None:
    """Stop a training that has diverged before its state is written over the last good one."""
    if not math.isfinite(float(losses.total.detach())):
        raise ConfigError(
            f'the loss is not finite at step {step}; lower peak_rate, or raise warmup_steps'
        )


def numbers(losses: Losses) -> dict[str, float]:
    """Return losses as plain numbers."""
    return {name: float(cast(Tensor, value).detach()) for name, value in losses._asdict().items()}
