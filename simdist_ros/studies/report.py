"""Write the benchmark down: ``report.md``, ``report.json`` and a figure for each world."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from simdist_ros.core.atomic import write_atomic
from simdist_ros.core.errors import ConfigError
from simdist_ros.pretraining.evaluate.report import finite
from simdist_ros.studies.figures import draw_world
from simdist_ros.studies.judging import JudgeResult
from simdist_ros.studies.results import NAMES, Result, ResultLog
from simdist_ros.studies.settings import world_name
from simdist_ros.studies.summary import summarise
from simdist_ros.studies.tables import report_lines
from simdist_ros.studies.tasks import Judge, Task

__all__ = ['rows_of', 'write_report']

MEASURED = ('progress_m', 'fell', 'tracking_error_mps', 'reward_per_s')


def write_report(
    folder: Path,
    log: ResultLog,
    worlds: Sequence[str],
    about: Mapping[str, Any],
    settings: Mapping[str, Mapping[str, Any]],
) -> None:
    """Sum up what there is, the whole benchmark or a part.

    Args:
        folder: Where to; it is made.
        log: All results.
        worlds: Names of the worlds, in the order to be shown.
        about: Command, model and machine, by name.
        settings: Value by section and setting.

    Raises:
        ConfigError: The folder cannot be written.
    """
    summary = summarise(log.results, worlds)
    data = {
        'about': dict(about),
        'settings': settings,
        'summary': asdict(summary),
        'rows': [row for item in log.results.items() for row in rows_of(*item)],
        'results': [
            {
                'kind': NAMES[type(task)],
                'task': asdict(task),
                'result': asdict(result),
                'seconds': log.seconds[task],
            }
            for task, result in log.results.items()
        ],
    }
    lines = report_lines(summary, worlds, about, settings)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for world in worlds:
            if rows := summary.of(world):
                draw_world(world, rows, folder / f'{world}.png')
        text = json.dumps(finite(data), indent=1, allow_nan=False) + '\n'
        write_atomic(folder / 'report.json', text.encode())
        write_atomic(folder / 'report.md', '\n'.join(lines).encode())
    except OSError as error:
        raise ConfigError(f'{folder}: cannot be written ({error}); choose another') from None


def rows_of(task: Task, result: Result) -> Iterator[dict[str, Any]]:
    """Yield a row for each walk by which something was evaluated, with plain values."""
    if not isinstance(task, Judge) or not isinstance(result, JudgeResult):
        return
    for number in range(len(result.fell)):
        yield {
            'world': world_name(task.world),
            'method': task.method,
            'source': world_name(task.source) if task.source else '',
            'minutes': task.minutes,
            'speed': result.speed[number],
            'seed': task.seed,
            **{name: getattr(result, name)[number] for name in MEASURED},
        }
