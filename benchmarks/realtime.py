"""Walk 60 s against the wall clock with the search that the planner itself fits to its budget.

Once alone, once while a model is adapted all the time and exchanged whenever one is accepted.
"""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

from benchmarks.options import BenchmarkOptions
from simdist_ros.bringup.demo_plot import swap_times
from simdist_ros.bringup.graph import REALTIME, GraphOptions
from simdist_ros.bringup.onnx_export import export_once
from simdist_ros.bringup.run import new_run_folder, run_graph
from simdist_ros.embodiment.robot import load_robot
from simdist_ros.evaluation.recording import Recording, read_recording

SECONDS = 60.0
LEARNING = {
    'finetuner': {
        'trigger.every_s': 16.0,
        'bags.episode_s': 1.5,
        'bags.min_episode_s': 1.2,
        'finetune.max_steps': 400,  # so that some are done in a minute
    }
}
NUM_WORST = 10
AROUND_S = 0.2  # of an exchange
READY = re.compile(r'ready after (\S+) s, (\S+) MB')


def measure(options: BenchmarkOptions) -> list[dict[str, Any]]:
    """Return one row without and one with finetuning."""
    alone = GraphOptions(
        model=options.model,
        world=options.world,
        mode=REALTIME,
        duration_s=options.seconds or SECONDS,
    )
    export_once({'model': options.model}, print)
    rows = []
    for run in (alone, dataclasses.replace(alone, finetune=True)):
        folder = new_run_folder(Path('runs') / 'bench', run)
        run = dataclasses.replace(run, bag=str(folder / 'bag'))
        report = run_graph(run, LEARNING if run.finetune else {}, folder)
        if report is None:
            return rows
        recording = read_recording(Path(run.bag), load_robot(run.robot))
        ready = READY.search((folder / 'log' / 'planner.log').read_text())
        rows.append(
            {
                'finetuning': run.finetune,
                'seconds': round(report.duration_s, 1),
                'num_proposals': round(report.planner['num_proposals']),
                'num_samples': round(report.planner['num_samples']),
                'num_iterations': round(report.planner['num_iterations'], 2),
                'ready_s': float(ready[1]) if ready else None,
                'memory_mb': float(ready[2]) if ready else None,
                'rate_hz': round(report.rate_hz, 2),
                'late_percent': round(100.0 * report.late_ticks / report.ticks, 2),
                'exchanges': len(swap_times(recording)),
                'late_at_exchanges': late_at_exchanges(recording),
                'plan_ms_p50': round(report.planner_ms['p50'], 2),
                'plan_ms_p99': round(report.planner_ms['p99'], 2),
                'distance_m': round(report.distance_m, 2),
                'path_m': round(report.path_m, 2),
                'falls': report.falls,
                'worst_ticks': worst_ticks(recording),
            }
        )
    return rows


def worst_ticks(recording: Recording) -> list[dict[str, Any]]:
    """Return the ticks whose plans came last after their states, and where the time went [ms].

    The stages follow each other: from the stamp of a state until all of it was received, the
    search, and what else the tick took until its plan was published. `waited_ms` is the time of
    search and rest in which the planner had no processor.
    """
    start = recording.walking()[0]
    ticks = []
    for stamp in recording.walking():
        tick = recording.planner.get(stamp, {})
        if 'search_ms' not in tick:
            continue
        age, plan, search = (float(tick[name]) for name in ('age_ms', 'plan_ms', 'search_ms'))
        ticks.append(
            {
                'at_s': round(1e-9 * (stamp - start), 2),
                'age_ms': round(age, 2),
                'until_received_ms': round(age - plan, 2),
                'search_ms': round(search, 2),
                'rest_ms': round(plan - search, 2),
                'waited_ms': round(float(tick['waited_ms']), 2),
            }
        )
    return sorted(ticks, key=lambda tick: -float(tick['age_ms']))[:NUM_WORST]


def late_at_exchanges(recording: Recording) -> int:
    """Count late ticks close to the moments at which another model began to plan."""
    start = recording.walking()[0]
    times = [start + round(1e9 * time) for time in swap_times(recording)]
    return sum(
        int(tick['late'])
        for stamp, tick in recording.supervisor.items()
        if any(abs(stamp - time) < 1e9 * AROUND_S for time in times)
    )
