"""Write the benchmark down: ``report.md``, ``report.json`` and a figure for each world."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from simdist_ros.core.atomic import write_atomic
from simdist_ros.core.errors import ConfigError
from simdist_ros.pretraining.evaluate.report import finite
from simdist_ros.studies.figures import draw_world
from simdist_ros.studies.results import NAMES, ResultLog
from simdist_ros.studies.summary import summarise
from simdist_ros.studies.tables import report_lines

__all__ = ['write_report']


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
