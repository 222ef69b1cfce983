"""From a published state to the joint command that answers it, through all processes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.options import BenchmarkOptions
from simdist_ros.bringup.graph import LOCKSTEP, GraphOptions
from simdist_ros.bringup.run import new_run_folder, run_graph
from simdist_ros.embodiment.robot import load_robot

POLICY_PRIOR = {'planner': {'mppi.num_iterations': 0}}


def measure(options: BenchmarkOptions) -> list[dict[str, Any]]:
    """Return one row: in lockstep a tick takes as long as its answer, and no search is made."""
    run = GraphOptions(model=options.model, world=options.world, mode=LOCKSTEP, duration_s=10.0)
    folder = new_run_folder(Path('runs') / 'bench', run)
    report = run_graph(run, POLICY_PRIOR, folder)
    if report is None:
        return []
    tick_ms = 1e3 * load_robot(run.robot).period_s / report.realtime_factor
    plan_ms = report.planner_ms['p50']
    return [
        {
            'ticks': report.ticks,
            'tick_ms': round(tick_ms, 2),
            'of_it_policy_ms': round(plan_ms, 2),
            'of_it_the_rest_ms': round(tick_ms - plan_ms, 2),
        }
    ]
