"""The expert: a policy and its value, learned by reinforcement in simulation."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import torch

from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.robot import Robot
from simdist_ros.jobs.stage_folder import claim_folder
from simdist_ros.pretraining.expert.belief_training import BeliefTraining
from simdist_ros.pretraining.expert.files import EXPERT, POLICIES, load_critic
from simdist_ros.pretraining.expert.training import ExpertTraining
from simdist_ros.pretraining.presets import ExpertSettings
from simdist_ros.pretraining.recipe import Recipe, load_recipe
from simdist_ros.sim.scenes.world import load_world
from simdist_ros.sim.world_fit import check_world

__all__ = ['run_expert']

HEALTHY = 'healthy.safetensors'  # the expert before it learned about beliefs
BELIEFS = 'beliefs'  # folder of that training


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
    the end, ``expert.safetensors``. With `belief_steps` that is one which takes beliefs, made in
    ``beliefs/`` of the one in ``healthy.safetensors``.

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
    check_settings(robot, recipe, settings)
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
    healthy = Path(settings.init)
    if settings.total_steps:
        healthy = out / (HEALTHY if settings.belief_steps else EXPERT)
        if not healthy.is_file():
            training = ExpertTraining(robot, recipe, settings, out, threads=threads, device=device)
            training.run(shows_progress, healthy)
    if settings.belief_steps:
        learning = BeliefTraining(
            robot, recipe, settings, out / BELIEFS, healthy, threads=threads, device=device
        )
        learning.run(shows_progress, out / EXPERT)
    return out / EXPERT


def check_settings(robot: Robot, recipe: Recipe, settings: ExpertSettings) -> None:
    """Look at the world, the faults and the first expert of a training, before its folder is made.

    Raises:
        SimdistError: The world does not fit, the recipe has no faults where beliefs are to be
            learned, or the expert to begin with is missing, damaged or of another robot, or takes
            beliefs, which only the steps with beliefs can go on with.
    """
    if settings.world:
        check_world(robot, load_world(settings.world))
    if settings.belief_steps:
        recipe.faulty()
    if not settings.init:
        return
    if load_critic(Path(settings.init), robot, recipe).belief_dim and settings.total_steps:
        raise ConfigError(
            f'expert.init {settings.init}: this expert takes beliefs; set expert.total_steps=0 '
            'and expert.belief_steps to go on with them'
        )
