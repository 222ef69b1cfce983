"""All walks of an evaluation, spread over processes; what is done is done for good."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from simdist_ros.embodiment.robot import Robot, load_robot
from simdist_ros.evaluation.settings import NOMINAL, EvaluateSettings, noticed_worlds
from simdist_ros.evaluation.walk import MakeWalker, Walk, WalkResult, walk
from simdist_ros.jobs.results_log import LineLog
from simdist_ros.jobs.worker_pool import worker_pool
from simdist_ros.pretraining.evaluate.expert_walker import ExpertWalker
from simdist_ros.pretraining.recipe import load_recipe
from simdist_ros.tasks.choice import task_of

__all__ = ['Setup', 'WalkLog', 'list_walks', 'run_walks']


def list_walks(
    robot: Robot, settings: EvaluateSettings, *, has_expert: bool = False
) -> list[Walk]:
    """Return every walk: of the policy head, of the planner, and of an expert where there is.

    Worlds that the robot would not notice are left out.
    """
    worlds = noticed_worlds(settings.worlds, robot) or NOMINAL
    hard = noticed_worlds(settings.hard_worlds, robot)
    kinds = [(0, worlds + hard, False), (settings.num_iterations, worlds, False)]
    speeds = task_of(robot).speeds(settings.speeds)
    if has_expert:
        kinds.append((0, worlds, True))
    return [
        Walk(
            world=world,
            speed=speed,
            seed=settings.seed + seed,
            seconds=settings.seconds,
            num_samples=settings.num_samples,
            num_iterations=iterations,
            is_expert=is_expert,
        )
        for iterations, places, is_expert in kinds
        for world in places
        for speed in speeds
        for seed in range(settings.num_seeds)
    ]


class WalkLog:
    """Results on disk, one a line, so that an evaluation that was killed goes on."""

    def __init__(self, path: Path, about: str) -> None:
        """Read what is there.

        Args:
            path: The file.
            about: What the results depend on, the model above all.

        Raises:
            ConfigError: It holds the walks of something else.
        """
        self.file = LineLog(path, about)
        self.results = {
            Walk(**entry['walk']): WalkResult(**entry['result']) for entry in self.file.entries
        }

    def add(self, task: Walk, result: WalkResult) -> None:
        """Write down one result."""
        self.results[task] = result
        self.file.add({'walk': asdict(task), 'result': asdict(result)})


@dataclass(frozen=True)
class Setup:
    """What each process needs.

    Attributes:
        robot: Path of the description of who walks.
        task: Its name; empty for the robot's first.
        model: Folder of the model.
        expert: File of the expert, if any of the walks is its.
        make_walker: Makes the controller in each process, so it must be found by name.
    """

    robot: str
    task: str
    model: Path
    expert: Path | None
    make_walker: MakeWalker


SETUP: dict[str, Any] = {}  # of this process


def start(setup: Setup) -> None:
    """Prepare a process."""
    torch.set_num_threads(1)
    robot = load_robot(setup.robot, setup.task)
    SETUP.update(robot=robot, recipe=load_recipe(robot), setup=setup)


def one(task: Walk) -> WalkResult:
    """Do one walk in a prepared process."""
    setup: Setup = SETUP['setup']
    if task.is_expert:
        assert setup.expert is not None
        expert = ExpertWalker(SETUP['robot'], SETUP['recipe'], setup.expert)
        return walk(SETUP['robot'], SETUP['recipe'], expert, None, task)
    walker, model = setup.make_walker(
        setup.model, SETUP['robot'], task.num_samples, task.num_iterations, task.seed
    )
    return walk(SETUP['robot'], SETUP['recipe'], walker, model, task)


def run_walks(
    setup: Setup,
    tasks: list[Walk],
    log: WalkLog,
    *,
    processes: int,
    say: Callable[[str, int, int], None],
) -> None:
    """Do all walks that are not done.

    Args:
        setup: What they need.
        tasks: What to try.
        log: Where the results go.
        processes: How many at once; 1 is this one.
        say: Told the last walk, how many are done and how many there are.
    """
    asked = task_of(load_robot(setup.robot, setup.task))
    missing = [task for task in tasks if task not in log.results]
    done = len(tasks) - len(missing)
    for task, result in results(setup, missing, processes):
        log.add(task, result)
        done += 1
        said = f'{task.controller} in {task.world}{asked.trial_name(task.speed)}, seed {task.seed}'
        came_to = asked.result(result.distance_m, result.command_error)
        say(f'{said}: {came_to}{", fell" if result.fell else ""}', done, len(tasks))


def results(setup: Setup, tasks: list[Walk], processes: int) -> Iterator[tuple[Walk, WalkResult]]:
    """Yield each walk with its result as it ends."""
    if processes == 1 or len(tasks) < 2:
        threads = torch.get_num_threads()
        start(setup)
        try:
            for task in tasks:
                yield task, one(task)
        finally:
            torch.set_num_threads(threads)
        return
    with worker_pool(processes, start, setup) as pool:
        waiting = {pool.submit(one, task): task for task in tasks}
        try:
            for future in as_completed(waiting):
                yield waiting[future], future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
