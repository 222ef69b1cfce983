"""Say what was done, and how long the rest will take."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from simdist_ros.jobs.train_progress import duration
from simdist_ros.studies.collect import CollectResult
from simdist_ros.studies.finetuning import AdaptResult
from simdist_ros.studies.jobs import Adapt, Collect, Job
from simdist_ros.studies.results import Result, ResultLog
from simdist_ros.studies.settings import BenchSettings

__all__ = ['StudyProgress']

ADAPT_S = 60.0  # a guess, until one is done


class StudyProgress:
    """Estimates by how long jobs of the same kind took, in this run or an earlier one."""

    def __init__(
        self,
        jobs: Sequence[Job],
        log: ResultLog,
        settings: BenchSettings,
        processes: int,
        say: Callable[[str], None],
    ) -> None:
        """Take all jobs and the log that tells which are done."""
        self.jobs, self.log, self.settings = jobs, log, settings
        self.processes, self.say = processes, say

    def tell(self, job: Job, result: Result) -> None:
        """Say that a job is done."""
        done = sum(job in self.log.results for job in self.jobs)
        left = duration(self.seconds_left())
        self.say(f'bench: {done} of {len(self.jobs)}, {left} left; {job}: {outcome(result)}')

    def seconds_left(self) -> float:
        """Return how long what is left will take [s]."""
        guessed, took = {'': 0.0}, {'': 0.0}  # by kind; '' is all of them
        for job in self.log.results:
            for key in ('', kind(job)):
                guessed[key] = guessed.get(key, 0.0) + self.guess(job)
                took[key] = took.get(key, 0.0) + self.log.seconds[job]
        total = 0.0
        for job in self.jobs:
            if job not in self.log.results:
                key = kind(job) if kind(job) in took else ''
                total += self.guess(job) * took[key] / max(guessed[key], 1e-9)
        return total / self.processes

    def guess(self, job: Job) -> float:
        """Return about how long a job takes, if walking takes as long as it lasts [s]."""
        if isinstance(job, Collect):
            return 60.0 * job.minutes
        if isinstance(job, Adapt):
            return ADAPT_S
        grid, trial = self.settings.grid, self.settings.trial
        return len(grid.speeds) * trial.judged_walks * trial.judged_s


def kind(job: Job) -> str:
    """Return what jobs that take about as long have in common."""
    name = type(job).__name__
    return f'{name} {job.method} {job.minutes}' if isinstance(job, Adapt) else name


def outcome(result: Result) -> str:
    """Say in a few words what came of a job."""
    if isinstance(result, CollectResult):
        falls = f', {result.falls} falls' if result.falls else ''
        return f'{result.minutes:.1f} min in {result.walks} walks{falls}'
    if isinstance(result, AdaptResult):
        return f'{result.num_steps} steps, {result.reason}'
    mean, line = np.mean(result.progress_m), np.mean(result.line_m)
    fallen = f', {sum(result.fell)} of {len(result.fell)} fell' if any(result.fell) else ''
    return f'{mean:.2f} of {line:.2f} m{fallen}'
