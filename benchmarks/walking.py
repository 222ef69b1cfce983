"""Walk through the ROS graph in lockstep: 10 s at 0.5 m/s, several seeds, prior and MPPI."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from benchmarks.options import BenchmarkOptions
from simdist_ros.bringup.graph import LOCKSTEP, GraphOptions
from simdist_ros.bringup.run import new_run_folder, run_graph

SEARCHES = {
    'policy prior': {'mppi.num_iterations': 0},
    'mppi 128 x 4': {'mppi.num_samples': 128, 'mppi.num_iterations': 4},
}


def measure(options: BenchmarkOptions) -> list[dict[str, Any]]:
    """Return one row for each search and seed."""
    model = options.model
    rows = []
    for name, search in SEARCHES.items():
        for seed in range(options.seeds):
            run = GraphOptions(
                model=model, world=options.world, mode=LOCKSTEP, duration_s=10.0, seed=seed
            )
            folder = new_run_folder(Path('runs') / 'bench', run)
            report = run_graph(run, {'planner': search}, folder)
            if report is None:
                return rows
            figures = dataclasses.asdict(report)
            rows.append(
                {
                    'search': name,
                    'seed': seed,
                    'world': options.world,
                    **{key: round(figures[key], 3) for key in ('distance_m', 'path_m')},
                    'falls': report.falls,
                    'tracking_error_mps': round(report.tracking_error_mps, 3),
                    'plan_ms_p50': round(report.planner_ms['p50'], 1),
                    'plan_ms_p99': round(report.planner_ms['p99'], 1),
                }
            )
    return rows
