"""The tasks that there are, and the one that a robot is to do."""

from __future__ import annotations

from simdist_ros.core.errors import ConfigError, unknown_name
from simdist_ros.embodiment.robot import Robot
from simdist_ros.tasks.insertion.task import PegTask
from simdist_ros.tasks.reach.task import ReachTask
from simdist_ros.tasks.task import Task
from simdist_ros.tasks.velocity.task import VelocityTask

__all__ = ['TASKS', 'task_of']

TASKS: dict[str, type[Task]] = {task.name: task for task in (VelocityTask, ReachTask, PegTask)}


def task_of(robot: Robot) -> Task:
    """Return the task that a robot is to do: the one chosen, or the first that it names.

    Raises:
        ConfigError: It names none, one that is unknown, or lacks what the task needs.
    """
    if not robot.tasks:
        raise ConfigError(
            f'robot {robot.name!r} names no task; name one under tasks in its description: '
            f'{", ".join(TASKS)}'
        )
    name = robot.task or next(iter(robot.tasks))
    if name not in TASKS:
        raise ConfigError(f'robot {robot.name!r}: {unknown_name("task", name, TASKS)}')
    return TASKS[name](robot)
