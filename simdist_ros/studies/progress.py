"""Say what was done, and how long the rest will take."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from simdist_ros.jobs.train_progress import duration
from simdist_ros.studies.collect import CollectResult
from simdist_ros.studies.finetuning import AdaptResult
from simdist_ros.studies.results import Result, ResultLog
from simdist_ros.studies.settings import TrialSettings
from simdist_ros.studies.tasks import Adapt, Collect, Task

__all__ = ['StudyProgress']

ADAPT_S = 60.0  # a guess, until one is done


class StudyProgress:
    """Estimates by how long tasks of the same kind took, in this run or an earlier one."""

    def __init__(
        self,
        tasks: Sequence[Task],
        log: ResultLog,
        trial: TrialSettings,
        processes: int,
        say: Callable[[str], None],
    ) -> None:
        """Take all tasks and the log that tells which are done."""
        self.tasks, self.log, self.trial = tasks, log, trial
        self.processes, self.say = processes, say

    def tell(self, task: Task, result: Result) -> None:
        """Say that a task is done."""
        done = sum(task in self.log.results for task in self.tasks)
        left = duration(self.seconds_left())
        self.say(f'bench: {done} of {len(self.tasks)}, {left} left; {task}: {outcome(result)}')

    def seconds_left(self) -> float:
        """Return how long what is left will take [s]."""
        guessed, took = {'': 0.0}, {'': 0.0}  # by kind; '' is all of them
        for task in self.log.results:
            for key in ('', kind(task)):
                guessed[key] = guessed.get(key, 0.0) + self.guess(task)
                took[key] = took.get(key, 0.0) + self.log.seconds[task]
        total = 0.0
        for task in self.tasks:
            if task not in self.log.results:
                key = kind(task) if kind(task) in took else ''
                total += self.guess(task) * took[key] / max(guessed[key], 1e-9)
        return total / self.processes

    def guess(self, task: Task) -> float:
        """Return about how long a task takes, if walking takes as long as it lasts [s]."""
        if isinstance(task, Collect):
            return 60.0 * task.minutes
        if isinstance(task, Adapt):
            return ADAPT_S
        return self.trial.judged_walks * self.trial.judged_s


def kind(task: Task) -> str:
    """Return what tasks that take about as long have in common."""
    name = type(task).__name__
    return f'{name} {task.method} {task.minutes}' if isinstance(task, Adapt) else name


def outcome(result: Result) -> str:
    """Say in a few words what came of a task."""
    if isinstance(result, CollectResult):
        return f'{result.minutes:.1f} min in {result.walks} walks, {result.falls} falls'
    if isinstance(result, AdaptResult):
        return f'{result.num_steps} steps, {result.reason}'
    mean, line = np.mean(result.progress_m), np.mean(result.line_m)
    return f'{mean:.2f} of {line:.2f} m, {sum(result.fell)} of {len(result.fell)} fell'
