"""Gradient steps a second of each finetuning method, at the batch size that it is used with."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch

from benchmarks.options import BenchmarkOptions
from simdist_ros.adaptation.adapt import data_of_episodes
from simdist_ros.adaptation.finetune import Finetuning
from simdist_ros.adaptation.settings import METHODS, FinetuneSettings
from simdist_ros.embodiment.action_space import action_space_of
from simdist_ros.embodiment.observation_terms import proprio_obs_dim
from simdist_ros.embodiment.robot import Robot, load_robot
from simdist_ros.tasks.choice import task_of
from simdist_ros.transitions.episode import Episode
from simdist_ros.transitions.shards.replay import InMemoryEpisodes
from simdist_ros.world_model.store.checkpoint import find_model, load_model

THREADS = (1, 2)
EPISODES, STEPS = 5, 200
WARM_UP, MIN_STEPS, MAX_STEPS, ENOUGH_S = 10, 10, 600, 8.0


def measure(options: BenchmarkOptions) -> list[dict[str, Any]]:
    """Return one row for each method and number of threads."""
    robot = load_robot('go2')
    model = load_model(find_model(options.model), robot).model
    generator = np.random.default_rng(0)
    episodes = InMemoryEpisodes(tuple(random_episode(robot, generator) for _ in range(EPISODES)))
    data = data_of_episodes(episodes, episodes.numbers, model.architecture).finetune
    rows = []
    for threads in THREADS:
        torch.set_num_threads(threads)
        for method in METHODS:
            settings = FinetuneSettings(method=method, num_threads=threads)
            times = step_times(Finetuning(model, data, settings))
            rows.append(
                {
                    'method': method,
                    'threads': threads,
                    'batch_size': settings.batch_size,
                    'steps_per_s': round(1.0 / float(np.mean(times)), 1),
                    'median_ms': round(1e3 * float(np.median(times)), 2),
                    'p99_ms': round(1e3 * float(np.percentile(times, 99)), 2),
                    'steps': len(times),
                }
            )
    return rows


def step_times(finetuning: Finetuning) -> list[float]:
    """Return the time of each step, warm [s]."""
    for step in range(WARM_UP):
        finetuning.step(step)
    times: list[float] = []
    end = time.monotonic() + ENOUGH_S
    while len(times) < MAX_STEPS and (len(times) < MIN_STEPS or time.monotonic() < end):
        began = time.perf_counter()
        finetuning.step(WARM_UP + len(times))
        times.append(time.perf_counter() - began)
    return times


def random_episode(robot: Robot, generator: np.random.Generator) -> Episode:
    """Return noise in the shapes of an episode; the speed does not depend on the numbers."""
    grid = robot.height_map
    sizes = {
        'proprio_obs': (STEPS + 1, proprio_obs_dim(robot)),
        'extero_obs': (STEPS + 1, 0 if grid is None else grid.size),
        'actions': (STEPS, action_space_of(robot).dim),
        'commands': (STEPS + 1, task_of(robot).goal.size),
    }
    return Episode(
        **{name: generator.normal(size=size).astype(np.float32) for name, size in sizes.items()}
    )
