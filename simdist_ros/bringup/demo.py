"""What ``make demo`` does: walk, report."""

from __future__ import annotations

from pathlib import Path

from simdist_ros.bringup.graph import LOCKSTEP, GraphOptions
from simdist_ros.bringup.run import new_run_folder, run_graph

__all__ = ['demo']


def demo(runs: Path, seed: int = 0) -> None:
    """Walk 10 s at 0.5 m/s in lockstep with the model that ships, and report."""
    options = GraphOptions(mode=LOCKSTEP, duration_s=10.0, seed=seed)
    print(
        f'A Go2 walks {options.duration_s:g} s at {options.vx} m/s in MuJoCo; every step is '
        f'planned with models/{options.model}, through ROS 2.',
        flush=True,
    )
    folder = new_run_folder(runs, options)
    run_graph(options, {}, folder, shows_progress=True, draws=True)
