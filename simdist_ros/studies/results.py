"""Results on disk, one a line, so that a benchmark that was killed goes on."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from simdist_ros.studies.adapting import AdaptResult
from simdist_ros.studies.collect import CollectResult
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
        self.path = path
        self.results: dict[Task, Result] = {}
        self.seconds: dict[Task, float] = {}
        lines = path.read_text().split('\n')[:-1] if path.exists() else []
        for line in lines:
            entry = json.loads(line)
            task, result = KINDS[entry['kind']]
            key = task(**entry['task'])
            self.results[key] = result(**entry['result'])
            self.seconds[key] = entry['seconds']
        path.write_text(''.join(f'{line}\n' for line in lines))

    def add(self, task: Task, result: Result, seconds: float) -> None:
        """Write down one result."""
        self.results[task], self.seconds[task] = result, seconds
        entry = {
            'kind': NAMES[type(task)],
            'task': asdict(task),
            'result': asdict(result),
            'seconds': round(seconds, 2),
        }
        with self.path.open('a') as file:
            file.write(json.dumps(entry) + '\n')
