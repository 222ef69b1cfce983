"""From the trigger to the exchange, beside a walk of more than five minutes in realtime.

Somebody steers (`heading_gain` 1); all settings of planner and finetuner but its trigger are
those that they have by default.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.options import BenchmarkOptions
from simdist_ros.bringup.demo_plot import swap_times
from simdist_ros.bringup.graph import REALTIME, GraphOptions
from simdist_ros.bringup.run import new_run_folder, run_graph
from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.robot import load_robot
from simdist_ros.evaluation.recording import Recording, read_recording
from simdist_ros.world_model.store.manifest import read_manifest

DATA_S, AFTERWARDS_S = 300.0, 90.0
TOOK = re.compile(r'the planner runs (\S+), (\S+) s after its training began')


def measure(options: BenchmarkOptions) -> list[dict[str, Any]]:
    """Return one row; late ticks from the start to the trigger, to the exchange, to the end.

    Raises:
        ConfigError: No model was exchanged.
    """
    data_s = options.seconds or DATA_S
    graph = GraphOptions(
        model=options.model,
        world=options.world,
        mode=REALTIME,
        duration_s=data_s + AFTERWARDS_S,
        heading_gain=1.0,
        finetune=True,
    )
    folder = new_run_folder(Path('runs') / 'bench', graph)
    if run_graph(graph, {'finetuner': {'trigger.every_s': data_s}}, folder) is None:
        return []
    log = folder / 'log' / 'finetuner.log'
    found = TOOK.search(log.read_text())
    if found is None:
        last = log.read_text().strip().splitlines()[-1:]
        raise ConfigError(f'no model was exchanged; the finetuner said last: {" ".join(last)}')
    adaptation = read_manifest(folder / 'models' / found[1]).adaptation
    recording = read_recording(folder / 'bag', load_robot(graph.robot))
    exchange_s, took_s = swap_times(recording)[0], float(found[2])
    late = [
        late_percent(recording, *times)
        for times in (
            (0.0, exchange_s - took_s),
            (exchange_s - took_s, exchange_s),
            (exchange_s, np.inf),
        )
    ]
    return [
        {
            'data_s': data_s,
            'windows': adaptation['windows']['train'],
            'steps': adaptation['num_steps'],
            'trigger_to_exchange_s': took_s,
            'late_percent_before': late[0],
            'late_percent_while_training': late[1],
            'late_percent_after': late[2],
        }
    ]


def late_percent(recording: Recording, begin_s: float, end_s: float) -> float:
    """Return the share of late ticks in a part of the walk, by times since its start."""
    stamps = np.array(recording.walking())
    times = 1e-9 * (stamps - stamps[0])
    chosen = stamps[(times >= begin_s) & (times < end_s)].tolist()
    late = [recording.supervisor[stamp]['late'] == '1' for stamp in chosen]
    return round(100.0 * float(np.mean(late)), 2)
