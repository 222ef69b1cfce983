"""Walk 60 s against the wall clock with the search that the planner itself fits to its budget."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from simdist_ros.bringup.graph import REALTIME, GraphOptions
from simdist_ros.bringup.run import new_run_folder, run_graph

SECONDS = 60.0


def measure(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Return one row."""
    run = GraphOptions(
        model=options.model,
        world=options.world,
        mode=REALTIME,
        duration_s=options.seconds or SECONDS,
    )
    report = run_graph(run, {}, new_run_folder(Path('runs') / 'bench', run))
    if report is None:
        return []
    return [
        {
            'seconds': round(report.duration_s, 1),
            'num_samples': round(report.planner['num_samples']),
            'num_iterations': round(report.planner['num_iterations'], 2),
            'rate_hz': round(report.rate_hz, 2),
            'late_percent': round(100.0 * report.late_ticks / report.ticks, 2),
            'plan_ms_p50': round(report.planner_ms['p50'], 2),
            'plan_ms_p99': round(report.planner_ms['p99'], 2),
            'distance_m': round(report.distance_m, 2),
            'path_m': round(report.path_m, 2),
            'falls': report.falls,
        }
    ]
