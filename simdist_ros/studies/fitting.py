"""What of a benchmark a robot, its task and a model can do."""

from __future__ import annotations

import dataclasses

from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.robot import Robot
from simdist_ros.evaluation.goal_feedback import can_be_corrected
from simdist_ros.evaluation.rivals import WITH_PI
from simdist_ros.evaluation.settings import EXPERT
from simdist_ros.studies.methods import PARTS
from simdist_ros.studies.settings import BenchSettings
from simdist_ros.tasks.choice import task_of
from simdist_ros.world_model.store.checkpoint import LoadedModel

__all__ = ['fit_settings']


def fit_settings(
    settings: BenchSettings, robot: Robot, parent: LoadedModel
) -> tuple[BenchSettings, list[str]]:
    """Return the benchmark without what cannot be done, and why each of that is left out.

    Raises:
        ConfigError: The robot cannot be asked for a speed, or nothing tells how well it does.
    """
    task, grid, trial = task_of(robot), settings.grid, settings.trial
    if why_not := task.why_not_recorded():
        raise ConfigError(why_not)
    left_out = []
    rivals = grid.rivals
    if parent.model.expert is None and any(name.startswith(EXPERT) for name in rivals):
        rivals = tuple(name for name in rivals if not name.startswith(EXPERT))
        left_out.append(f'{parent.folder.name} carries no expert, so none walks beside it')
    if not can_be_corrected(robot) and any(name.endswith(WITH_PI) for name in rivals):
        rivals = tuple(name for name in rivals if not name.endswith(WITH_PI))
        left_out.append(
            f'nothing that robot {robot.name!r} observes measures its command, so no PI can '
            'correct it'
        )
    methods = grid.methods
    if parent.model.identifier is None and set(PARTS) & set(methods):
        methods = tuple(name for name in methods if name not in PARTS)
        left_out.append(f'{parent.folder.name} carries no identifier, so nothing is believed')
    speeds = task.speeds(grid.speeds)
    if not task.has_speeds:
        left_out.append(f'task {task.name!r} has no speeds, so grid.speeds does not count')
    for speed in (*speeds, *task.speeds(trial.walk_speeds)):
        task.goal.check(task.trial(speed, trial.seed))
    pushes_s = trial.push_interval_s if robot.has_free_base else 0.0
    heading_gain = trial.heading_gain if task.holds_heading else 0.0
    fitting = dataclasses.replace(
        settings,
        grid=dataclasses.replace(grid, rivals=rivals, methods=methods),
        trial=dataclasses.replace(trial, heading_gain=heading_gain, push_interval_s=pushes_s),
    )
    return fitting, left_out
