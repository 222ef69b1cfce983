"""Results on disk, one a line, so that a benchmark that was killed goes on."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from simdist_ros.jobs.results_log import LineLog
from simdist_ros.studies.collect import CollectResult
from simdist_ros.studies.finetuning import AdaptResult
from simdist_ros.studies.judging import JudgeResult
from simdist_ros.studies.tasks import Adapt, Collect, Judge, Task

__all__ = ['Result', 'ResultLog']

Result = CollectResult | AdaptResult | JudgeResult

KINDS: dict[str, tuple[type[Any], type[Any]]] = {
    'collect': (Collect, CollectResult),
    'adapt': (Adapt, AdaptResult),
    'judge': (Judge, JudgeResult),
}
NAMES = {task: name for name, (task, _) in KINDS.items()}


class ResultLog:
    """What was found so far.

    Attributes:
        results: By task, in the order they were done.
        seconds: What each took [s], of one core.
    """

    def __init__(self, path: Path) -> None:
        """Read what is there; a line that was half written is dropped."""
        self.path, self.file = path, LineLog(path)
        self.results: dict[Task, Result] = {}
        self.seconds: dict[Task, float] = {}
        for entry in self.file.entries:
            task, result = KINDS[entry['kind']]
            key = task(**entry['task'])
            self.results[key] = result(**entry['result'])
            self.seconds[key] = entry['seconds']

    def add(self, task: Task, result: Result, seconds: float) -> None:
        """Write down one result."""
        self.results[task], self.seconds[task] = result, seconds
        entry = {
            'kind': NAMES[type(task)],
            'task': asdict(task),
            'result': asdict(result),
            'seconds': round(seconds, 2),
        }
        self.file.add(entry)
