"""What ``make demo`` does: find a model, walk, report."""

from __future__ import annotations

import os
from pathlib import Path

from simdist_ros.bringup.graph import LOCKSTEP, GraphOptions
from simdist_ros.bringup.run import new_run_folder, run_graph
from simdist_ros.core.errors import ConfigError
from simdist_ros.core.share import share_folder
from simdist_ros.world_model.upstream import import_upstream

__all__ = ['demo', 'demo_model']

UPSTREAM = 'SIMDIST_UPSTREAM_GO2'  # environment variable: folder of the published checkpoint
SEARCH = {'planner': {'mppi.num_samples': 128, 'mppi.num_iterations': 4}}


def demo_model(runs: Path) -> str:
    """Return the model to show: our own, else the published one, converted.

    Raises:
        ConfigError: There is neither.
    """
    own = share_folder() / 'models' / 'go2'
    if (own / 'manifest.yaml').is_file():
        return str(own)
    source = Path(os.environ.get(UPSTREAM, share_folder().parent / 'shared' / 'upstream_go2'))
    if not source.is_dir():
        raise ConfigError(
            f'no model to walk with: models/go2 does not exist, nor does {source}; set {UPSTREAM} '
            'to the folder of the published checkpoint go2_2026-02-12 (project website of '
            '"Simulation Distillation")'
        )
    converted = runs / 'models' / 'go2_upstream'
    if not (converted / 'manifest.yaml').is_file():
        print(f'converting the published checkpoint in {source}', flush=True)
        import_upstream(source, converted)
    return str(converted)


def demo(runs: Path, seed: int = 0) -> None:
    """Walk 10 s at 0.5 m/s in lockstep, planned by MPPI, and report."""
    options = GraphOptions(model=demo_model(runs), mode=LOCKSTEP, duration_s=10.0, seed=seed)
    print(
        f'A Go2 walks {options.duration_s:g} s at {options.vx} m/s in MuJoCo; every step is '
        f'planned by MPPI over {Path(options.model).name}, through ROS 2.',
        flush=True,
    )
    folder = new_run_folder(runs, options)
    run_graph(options, SEARCH, folder, shows_progress=True, draws=True)
