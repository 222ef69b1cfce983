"""Results on disk, one a line, so that a benchmark that was killed goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from simdist_ros.jobs.results_log import LineLog
from simdist_ros.studies.collect import CollectResult
from simdist_ros.studies.finetuning import AdaptResult
from simdist_ros.studies.jobs import Adapt, Collect, Job, Judge
from simdist_ros.studies.judging import JudgeResult

__all__ = ['Result', 'ResultLog', 'read_entry']

Result = CollectResult | AdaptResult | JudgeResult

KINDS: dict[str, tuple[type[Any], type[Any]]] = {
    'collect': (Collect, CollectResult),
    'adapt': (Adapt, AdaptResult),
    'judge': (Judge, JudgeResult),
}
NAMES = {job: name for name, (job, _) in KINDS.items()}


class ResultLog:
    """What was found so far.

    Attributes:
        results: By job, in the order they were done.
        seconds: CPU time that each took [s].
    """

    def __init__(self, path: Path) -> None:
        """Read what is there; a line that was half written is dropped."""
        self.path, self.file = path, LineLog(path)
        self.results: dict[Job, Result] = {}
        self.seconds: dict[Job, float] = {}
        for entry in self.file.entries:
            job, result = read_entry(entry)
            self.results[job] = result
            self.seconds[job] = entry['seconds']

    def add(self, job: Job, result: Result, seconds: float) -> None:
        """Write down one result."""
        self.results[job], self.seconds[job] = result, seconds
        entry = {
            'kind': NAMES[type(job)],
            'job': asdict(job),
            'result': asdict(result),
            'seconds': round(seconds, 2),
        }
        self.file.add(entry)


def read_entry(entry: Mapping[str, Any]) -> tuple[Job, Result]:
    """Return a job and its result from a line of a log or of ``report.json``, old ones too."""
    job_type, result_type = KINDS[entry['kind']]
    job = job_type(**entry.get('job', entry.get('task')))  # a job was once called a task
    result = dict(entry['result'])
    if result_type is JudgeResult:
        result = upgraded(result)
    return job, result_type(**result)


def upgraded(result: dict[str, Any]) -> dict[str, Any]:
    """Return a result of walks as it is written today.

    Progress was once capped at the success line, and the distance stood beside it. What was not
    measured yet is unknown, a speed 0.
    """
    if 'distance_m' not in result:
        return result
    walks = len(result['fell'])
    unknown: list[Any] = [None] * walks
    return {
        'speed': result.get('speed', [0.0] * walks),
        'progress_m': result['distance_m'],
        'line_m': result['line_m'],
        'fell': result['fell'],
        'command_error': result.get('tracking_error_mps', unknown),
        'reward_per_s': result.get('reward_per_s', unknown),
        'succeeded': unknown,
        'error': result['error'],
        'slip_error': result['slip_error'],
    }
