"""Write the benchmark down: ``report.md``, ``report.json`` and a figure for each world."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any

from simdist_ros.core.atomic import write_atomic
from simdist_ros.core.errors import ConfigError
from simdist_ros.pretraining.evaluate.report import finite
from simdist_ros.studies.cells import cell_of
from simdist_ros.studies.figures import draw_predictions, draw_walks
from simdist_ros.studies.jobs import Job, Judge
from simdist_ros.studies.judging import JudgeResult
from simdist_ros.studies.results import NAMES, Result, ResultLog
from simdist_ros.studies.summary import falls_while_learning, summarise
from simdist_ros.studies.tables import Words, prediction_figure, report_lines, walk_figure

__all__ = ['rows_of', 'write_report']

NO_FALLS: Mapping[Job, int] = MappingProxyType({})


def write_report(
    folder: Path,
    log: ResultLog,
    worlds: Sequence[str],
    about: Mapping[str, Any],
    settings: Mapping[str, Mapping[str, Any]],
    words: Words,
) -> None:
    """Sum up what there is, the whole benchmark or a part.

    Args:
        folder: Where to; it is made.
        log: All results.
        worlds: Names of the worlds, in the order to be shown.
        about: Command, model and machine, by name.
        settings: Value by section and setting.
        words: Of the task.

    Raises:
        ConfigError: The folder cannot be written.
    """
    summary = summarise(log.results, worlds)
    falls = falls_while_learning(log.results)
    data = {
        'about': dict(about),
        'settings': settings,
        'summary': asdict(summary),
        'rows': [row for item in log.results.items() for row in rows_of(*item, words, falls)],
        'results': [
            {
                'kind': NAMES[type(job)],
                'job': asdict(job),
                'result': asdict(result),
                'seconds': log.seconds[job],
            }
            for job, result in log.results.items()
        ],
    }
    lines = report_lines(summary, worlds, about, settings, words)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for world in worlds:
            if walks := summary.walks_in(world):
                draw_walks(world, walks, words, folder / walk_figure(world))
            if models := summary.models_in(world):
                draw_predictions(world, models, folder / prediction_figure(world))
        text = json.dumps(finite(data), indent=1, allow_nan=False) + '\n'
        write_atomic(folder / 'report.json', text.encode())
        write_atomic(folder / 'report.md', '\n'.join(lines).encode())
    except OSError as error:
        raise ConfigError(f'{folder}: cannot be written ({error}); choose another') from None


def rows_of(
    job: Job, result: Result, words: Words, falls: Mapping[Job, int] = NO_FALLS
) -> Iterator[dict[str, Any]]:
    """Yield a row for each walk by which something was evaluated, with plain values.

    Progress is not capped at the success line, `line_m`. `succeeded` stands where the task has an
    end alone, `falls_while_learning` where they are known, see `falls_while_learning`.
    """
    if not isinstance(job, Judge) or not isinstance(result, JudgeResult):
        return
    cell = cell_of(job)
    for number in range(len(result.fell)):
        row = {
            'world': cell.world,
            'method': cell.name,
            'source': cell.source,
            'minutes': cell.minutes,
            'speed': result.speed[number],
            'seed': job.seed,
            'progress_m': result.progress_m[number],
            'line_m': result.line_m[number],
            'fell': result.fell[number],
            f'tracking_error_{words.error_unit}': result.command_error[number],
            'reward_per_s': result.reward_per_s[number],
        }
        if job in falls:
            row['falls_while_learning'] = falls[job]
        if result.succeeded[number] is not None:
            row['succeeded'] = result.succeeded[number]
        yield row
