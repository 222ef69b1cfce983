"""The training of the world model, in processes of its own: ``torchrun`` starts two."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import nn

from benchmarks.stopwatch import Stopwatch
from simdist_ros.core.errors import SimdistError
from simdist_ros.embodiment.robot import load_robot
from simdist_ros.jobs.train_process import train_process
from simdist_ros.pretraining.train.settings import TRAIN_PRESETS
from simdist_ros.pretraining.train.stage import Training, robot_architecture
from simdist_ros.transitions.shards.dataset import open_dataset

WARM_STEPS = 3
STEPS_PER_S = 4.0  # of one core, about; decides how many are measured
NAME = 'benchmarks.pretraining_train'


def time_training(
    data: Path, threads: int, processes: int, precision: str, seconds: float
) -> tuple[float, dict[str, float]]:
    """Return windows/s of all processes together, and shares of the first one's time."""
    with tempfile.TemporaryDirectory(prefix='simdist_bench_') as folder:
        told = Path(folder) / 'told.json'
        several = ['torch.distributed.run', '--standalone', '--nproc-per-node', str(processes)]
        start = [*several, '-m', NAME] if processes > 1 else [NAME]
        arguments = [str(data), str(told), precision, str(round(seconds * STEPS_PER_S))]
        done = subprocess.run(
            [sys.executable, '-m', *start, *arguments],
            env=os.environ | {'OMP_NUM_THREADS': str(threads)},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SimdistError(f'the training failed: {" ".join(done.stderr.split())[-500:]}')
        found = json.loads(told.read_text())
    return found['windows_per_s'], found['shares']


def train(data: Path, told: Path, precision: str, num_steps: int) -> None:
    """Train for some steps as `run_train` does and write down how fast that was."""
    torch.set_num_threads(int(os.environ['OMP_NUM_THREADS']))
    robot = load_robot('go2')
    settings = dataclasses.replace(
        TRAIN_PRESETS['cpu'],
        num_steps=WARM_STEPS + num_steps,
        warmup_steps=WARM_STEPS,
        precision=precision,
    )
    with train_process('cpu') as process:
        dataset = open_dataset(data, robot, checks_hashes=False)
        training = Training(robot, dataset, settings, robot_architecture(robot), process)
        watch = Stopwatch()
        watch_parts(watch, training)
        for step, _ in watch.each(training.steps(0), 'rest'):
            if step == WARM_STEPS:
                watch.restart()
        if process.is_first:
            rate = num_steps * settings.batch_size / watch.total()
            told.write_text(json.dumps({'windows_per_s': rate, 'shares': watch.shares()}))
        process.wait()


def watch_parts(watch: Stopwatch, training: Training) -> None:
    """Tell the parts of a gradient step from each other."""
    batches = training.batches
    instance: Any = training
    # Another thread reads ahead: what counts is how long the training waits for it.
    instance.batches = lambda start: watch.each(batches(start), 'reading')
    watch.watch(training.loss, 'forward', 'forward')
    watch.watch(torch.Tensor, 'backward', 'backward')
    watch.watch(training.optimizer, 'step', 'optimizer')
    watch.watch(nn.utils, 'clip_grad_norm_', 'optimizer')


def main() -> None:
    """Take what `time_training` gives."""
    data, told, precision, num_steps = sys.argv[1:]
    train(Path(data), Path(told), precision, int(num_steps))


if __name__ == '__main__':
    main()
