"""The policy head's lessons: how fast it walks, and how fast it learns from that."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import torch

from benchmarks.pretraining_walk import Figures
from benchmarks.stopwatch import Stopwatch
from simdist_ros.embodiment.robot import Robot
from simdist_ros.pretraining.expert.files import EXPERT, load_actor
from simdist_ros.pretraining.imitate.settings import IMITATE_PRESETS
from simdist_ros.pretraining.imitate.stage import Lessons
from simdist_ros.pretraining.imitate.student import StudentWalks
from simdist_ros.pretraining.recipe import load_recipe
from simdist_ros.pretraining.train.stage import robot_architecture
from simdist_ros.sim.batch.vector_env import VectorEnv
from simdist_ros.transitions.shards.dataset import open_dataset
from simdist_ros.transitions.training_windows import WindowSampler
from simdist_ros.world_model.model import WorldModel

STEPS_PER_S = 1000  # of a core that walks, about; decides how many are measured
WARM_STEPS = 3
CPU = torch.device('cpu')


def time_lessons(
    robot: Robot, expert: Path, folder: Path, threads: int, seconds: float
) -> tuple[Figures, Figures]:
    """Return control steps/s of its walks and windows/s of what it learns from them."""
    torch.set_num_threads(threads)
    num_robots = IMITATE_PRESETS['cpu'].num_robots
    steps = max(60, round(seconds * threads * STEPS_PER_S / num_robots))
    settings = dataclasses.replace(IMITATE_PRESETS['cpu'], rollout_steps=steps)
    recipe = load_recipe(robot)
    lessons = Lessons(robot, WorldModel(robot_architecture(robot)), settings, folder, CPU)
    env = VectorEnv(robot, recipe, num_robots=num_robots, seed=0, threads=threads)
    actor = load_actor(expert / EXPERT, robot, recipe)
    walks = StudentWalks(env, lessons.model, actor, np.random.default_rng(0), CPU)
    watch = Stopwatch()
    watch.watch(walks.student, 'act', 'policy head')
    watch.watch(walks, 'advice', 'expert')
    watch.watch(env, 'step', 'numpy')
    watch.watch(env, 'reset', 'numpy')
    watch.watch(env, 'advance', 'physics')
    with watch.section('recording'):
        lessons.record(0, walks)
    walking = num_robots * steps / watch.total(), watch.shares()
    data = open_dataset(lessons.walks(0), robot, checks_hashes=False)
    sizes = lessons.model.architecture
    sampler = WindowSampler(
        data,
        np.arange(data.num_episodes),
        history_steps=sizes.history_steps,
        horizon_steps=sizes.horizon_steps,
    )
    watch = Stopwatch()
    watch.watch(sampler, 'draw', 'reading')
    watch.watch(lessons.model, 'encode', 'encoder')
    watch.watch(lessons.policy, 'forward', 'forward')
    watch.watch(torch.Tensor, 'backward', 'backward')
    watch.watch(lessons.optimizer, 'step', 'optimizer')
    done = 0
    while done <= WARM_STEPS or watch.total() < seconds:
        with watch.section('rest'):
            lessons.do_step(sampler)
        done += 1
        if done == WARM_STEPS:
            watch.restart()
    learning = (done - WARM_STEPS) * settings.batch_size / watch.total(), watch.shares()
    return walking, learning
