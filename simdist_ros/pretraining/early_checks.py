"""What would otherwise be found hours later: checked before the first stage begins."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path

import numpy as np

from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.action_space import action_space_of
from simdist_ros.embodiment.observation import extero_obs_dim
from simdist_ros.embodiment.observation_terms import proprio_obs_dim
from simdist_ros.embodiment.robot import Robot
from simdist_ros.evaluation.settings import EvaluateSettings
from simdist_ros.evaluation.walk_scoring import WalkReward
from simdist_ros.pretraining.expert.files import EXPERT, load_actor, load_critic, policy_files
from simdist_ros.pretraining.expert.networks import make_ppo
from simdist_ros.pretraining.recipe import load_recipe
from simdist_ros.pretraining.train.stage import robot_architecture
from simdist_ros.rl.ppo import PpoSettings
from simdist_ros.sim.batch.vector_env import VectorEnv
from simdist_ros.sim.mjcf_check import check_tool
from simdist_ros.sim.scenes.world import World
from simdist_ros.sim.simulated_robot import SimulatedRobot
from simdist_ros.tasks.choice import task_of

__all__ = ['check_experts', 'check_robot', 'check_space']

MANY_ROBOTS = {'expert', 'identify', 'collect', 'imitate'}  # stages that simulate many at once
SIMULATED = MANY_ROBOTS | {'evaluate'}
GB = 1e9


def check_robot(robot: Robot, stages: Collection[str], evaluate: EvaluateSettings) -> None:
    """Build what the stages build of a robot and let it do one step.

    Args:
        robot: Whose model is to be made.
        stages: That will run.
        evaluate: Settings of the evaluation, where it is one of them.

    Raises:
        ConfigError: Description, recipe and MJCF do not fit each other, or the robot is not one
            that can be pretrained.
    """
    recipe = load_recipe(robot)
    robot_architecture(robot)
    if not set(stages) & SIMULATED:
        return
    task = task_of(robot)
    if task.goal.size != len(task.mirror):
        raise ConfigError(
            f'{robot.source}: commands have {task.goal.size} numbers; the reward of task '
            f'{task.name!r} is of {len(task.mirror)}'
        )
    if set(stages) & MANY_ROBOTS:
        make_ppo(robot, recipe, PpoSettings(), seed=0)
        env = VectorEnv(robot, recipe, num_robots=2, seed=0)
        check_tool(robot, env.models.plane)
        if env.step(np.zeros((2, env.actions.dim))).diverged.any():
            raise ConfigError(
                f'{robot.mjcf_path}: the physics diverges within one step in the default pose; '
                'check masses, gains and base_height_m'
            )
    if 'evaluate' in stages:
        for speed in task.speeds(evaluate.speeds):
            task.goal.check(task.trial(speed, evaluate.seed))
        WalkReward(robot, recipe, SimulatedRobot(robot, World(), seed=0))


def check_experts(robot: Robot, folder: Path) -> None:
    """Read the expert that is there, and its earlier policies; none is no fault.

    Raises:
        CheckpointError: A file is damaged or of another robot.
    """
    if not (folder / EXPERT).is_file():
        return
    recipe = load_recipe(robot)
    for path in policy_files(folder):
        load_actor(path, robot, recipe)
    load_critic(folder / EXPERT, robot, recipe)


def transition_bytes(robot: Robot) -> int:
    """Return the size on disk of a transition, what it sees around it in half precision."""
    numbers = (
        proprio_obs_dim(robot) + task_of(robot).goal.size + 2 * action_space_of(robot).dim + 2
    )
    return 4 * numbers + 2 * extero_obs_dim(robot)


def check_space(robot: Robot, work: Path, num_transitions: int) -> None:
    """Refuse a disk that the transitions will not fit on.

    Args:
        robot: Whose transitions.
        work: Folder that they will lie in; what lies there already needs no place.
        num_transitions: Of the finished stages.

    Raises:
        ConfigError: There is not enough free space.
    """
    there = sum(path.stat().st_size for path in work.rglob('*') if path.is_file())
    needed = max(0, num_transitions * transition_bytes(robot) - there)
    place = next(path for path in (work.absolute(), *work.absolute().parents) if path.exists())
    free = shutil.disk_usage(place).free
    if needed > free:
        raise ConfigError(
            f'--work {work}: the transitions need {needed / GB:.1f} GB, of which {free / GB:.1f} '
            'GB are free; make room or choose another disk'
        )
