"""Robots that walk: physics alone, with an expert that learns, and for the collection."""

from __future__ import annotations

import dataclasses
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.stopwatch import Stopwatch
from simdist_ros.embodiment.robot import Robot
from simdist_ros.pretraining.collect.part import Job, hash_of, open_part
from simdist_ros.pretraining.collect.walkers import Walkers
from simdist_ros.pretraining.expert.files import POLICIES
from simdist_ros.pretraining.expert.stage import run_expert
from simdist_ros.pretraining.expert.training import ExpertTraining
from simdist_ros.pretraining.presets import COLLECT_PRESETS, EXPERT_PRESETS
from simdist_ros.pretraining.recipe import load_recipe
from simdist_ros.sim.batch.vector_env import VectorEnv

EPISODE_STEPS = 50  # then everybody stands again: fallen robots would touch the ground all over
ACTION_STD = 0.5
WARM_ITERATIONS = 2
STEPS_PER_S = 5000  # of a core that collects, about; decides the size of a part
STARTS: list[Any] = []  # one, in a worker

Figures = tuple[float, dict[str, float]]  # per second, and shares of the time


def time_physics(robot: Robot, num_robots: int, threads: int, seconds: float) -> Figures:
    """Return control steps/s of `mujoco.rollout` alone, under random actions."""
    env = VectorEnv(robot, load_recipe(robot), num_robots=num_robots, seed=0, threads=threads)
    rng = np.random.default_rng(0)
    start = env.state.copy()
    steps, spent = 0, 0.0
    while spent < seconds:
        if steps % EPISODE_STEPS == 0:
            env.state = start.copy()
        action = ACTION_STD * rng.standard_normal((num_robots, env.actions.dim))
        target = np.clip(env.actions.to_joints(action, env.lag.newest), env.low, env.high)
        began = time.perf_counter()
        env.advance(target)
        spent += time.perf_counter() - began
        env.state = env.trace[:, -1].copy()
        steps += 1
    return num_robots * steps / spent, {'physics': 1.0}


def time_expert(
    robot: Robot, num_robots: int, threads: int, seconds: float, work: Path
) -> Figures:
    """Return control steps/s of an expert's training at its start."""
    torch.set_num_threads(1)  # as `run_expert` does
    settings = dataclasses.replace(EXPERT_PRESETS['cpu'], num_robots=num_robots)
    training = ExpertTraining(robot, load_recipe(robot), settings, work, threads=threads)
    watch = Stopwatch()
    watch.watch(training, 'walk', 'policy')  # what is left of it without the environment
    watch.watch(training.env, 'step', 'numpy')
    watch.watch(training.env, 'reset', 'numpy')
    watch.watch(training.env, 'advance', 'physics')
    watch.watch(training.ppo, 'update', 'update')
    for _ in range(WARM_ITERATIONS):
        training.iterate()
    watch.restart()
    began = training.num_steps
    while watch.total() < seconds:
        training.iterate()
    return (training.num_steps - began) / watch.total(), watch.shares()


def make_expert(robot: Robot, folder: Path) -> Path:
    """Train an expert that has only begun, as large as any other."""
    settings = dataclasses.replace(EXPERT_PRESETS['smoke'], policies_kept=11)
    run_expert(robot, folder, settings, shows_progress=False)
    assert len(list((folder / POLICIES).iterdir())) == 11
    return folder


def time_collection(
    robot: Robot, expert: Path, out: Path, num_robots: int, processes: int, seconds: float
) -> Figures:
    """Return transitions/s of processes that collect at once, each on one core.

    What it takes them to start is left out.
    """
    out.mkdir()
    settings = dataclasses.replace(
        COLLECT_PRESETS['cpu'],
        num_robots=num_robots,
        shard_steps=max(100 * num_robots, round(seconds * STEPS_PER_S)),
    )
    job = Job(robot, expert, out, settings, hash_of(expert))
    context = multiprocessing.get_context('spawn')
    start = context.Barrier(processes)
    with ProcessPoolExecutor(processes, context, hold, (start,)) as pool:
        found = list(pool.map(time_part, [job] * processes, range(processes)))
    return sum(figure for figure, _ in found), found[0][1]


def hold(start: Any) -> None:
    """Keep, in a worker, what all wait at until each is ready."""
    STARTS.append(start)


def time_part(job: Job, index: int) -> Figures:
    """Make a part and return how fast that was, and where the time went."""
    torch.set_num_threads(1)
    walkers = Walkers(job.robot, job.expert, job.settings, index)
    writer = open_part(job, index)
    watch = Stopwatch()
    watch.watch(walkers, 'act', 'policy')
    watch.watch(walkers, 'values', 'policy')
    watch.watch(walkers.env, 'step', 'numpy')
    watch.watch(walkers.env, 'reset', 'numpy')
    watch.watch(walkers.env, 'advance', 'physics')
    STARTS[0].wait()
    with watch.section('recording'):
        for episode in walkers.episodes():
            writer.add(episode)
        with watch.section('writing'):
            writer.close()
    return writer.num_transitions / watch.total(), watch.shares()
