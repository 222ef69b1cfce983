"""Walk 60 s against the wall clock with the search that the planner itself fits to its budget.

Once alone, once while a model is adapted all the time and exchanged whenever one is accepted.
"""

from __future__ import annotations

import argparse
import dataclasses
import re
from pathlib import Path
from typing import Any

from simdist_ros.bringup.demo_plot import swap_times
from simdist_ros.bringup.graph import REALTIME, GraphOptions
from simdist_ros.bringup.recording import Recording, read_recording
from simdist_ros.bringup.run import new_run_folder, run_graph
from simdist_ros.core.robot import load_robot

SECONDS = 60.0
LEARNING = {
    'finetuner': {
        'trigger.every_s': 16.0,
        'bags.episode_s': 1.5,
        'bags.min_episode_s': 1.2,
        'finetune.max_steps': 400,  # so that some are done in a minute
    }
}
AROUND_S = 0.2  # of an exchange
READY = re.compile(r'ready after (\S+) s, (\S+) MB')


def measure(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Return one row without and one with finetuning."""
    alone = GraphOptions(
        model=options.model,
        world=options.world,
        mode=REALTIME,
        duration_s=options.seconds or SECONDS,
    )
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
            }
        )
    return rows


def late_at_exchanges(recording: Recording) -> int:
    """Count late ticks close to the moments at which another model began to plan."""
    start = recording.walking()[0]
    times = [start + round(1e9 * time) for time in swap_times(recording)]
    return sum(
        int(tick['late'])
        for stamp, tick in recording.supervisor.items()
        if any(abs(stamp - time) < 1e9 * AROUND_S for time in times)
    )
