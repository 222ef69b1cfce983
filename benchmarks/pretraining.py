"""Throughput of pretraining's stages, and what bounds each: physics, numpy, networks or reading.

`threads` are those of the physics for the walking stages, PyTorch's for the training.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from benchmarks.options import BenchmarkOptions
from benchmarks.pretraining_imitate import time_lessons
from benchmarks.pretraining_train import time_training
from benchmarks.pretraining_walk import make_expert, time_collection, time_expert, time_physics
from simdist_ros.embodiment.robot import load_robot

SECONDS = 10.0  # of each measurement
CORES = (1, 2)
TRAININGS = (  # threads of a process, processes, precision
    (1, 1, 'float32'),
    (2, 1, 'float32'),
    (1, 2, 'float32'),
    (1, 1, 'bfloat16'),
    (2, 1, 'bfloat16'),
    (1, 2, 'bfloat16'),
)


def measure(options: BenchmarkOptions) -> list[dict[str, Any]]:
    """Return one row for each stage and number of threads and processes."""
    robot, seconds = load_robot('go2'), options.seconds or SECONDS
    rows = []
    with tempfile.TemporaryDirectory(prefix='simdist_bench_') as name:
        work = Path(name)
        for threads in CORES:
            figure, shares = time_physics(robot, options.robots, threads, seconds)
            rows.append(row('physics alone', threads, 1, '', figure, 'control steps/s', shares))
        for threads in CORES:
            figure, shares = time_expert(robot, options.robots, threads, seconds, work)
            rows.append(row('expert', threads, 1, 'float32', figure, 'control steps/s', shares))
        expert = options.expert or make_expert(robot, work / 'expert')
        for processes in CORES:
            data = work / f'data-{processes}'
            figure, shares = time_collection(
                robot, expert, data, options.robots, processes, seconds
            )
            rows.append(row('collect', 1, processes, 'float32', figure, 'transitions/s', shares))
        for threads, processes, precision in TRAININGS:
            figure, shares = time_training(data, threads, processes, precision, seconds)
            rows.append(row('train', threads, processes, precision, figure, 'windows/s', shares))
        for threads in CORES:
            walking, learning = time_lessons(
                robot, expert, work / f'imitate-{threads}', threads, seconds
            )
            for part, unit, (figure, shares) in (
                ('walk', 'control steps/s', walking),
                ('learn', 'windows/s', learning),
            ):
                rows.append(row(f'imitate: {part}', threads, 1, 'float32', figure, unit, shares))
    return rows


def row(
    stage: str,
    threads: int,
    processes: int,
    precision: str,
    figure: float,
    unit: str,
    shares: dict[str, float],
) -> dict[str, Any]:
    """Return one row; the bottleneck is what has the largest share."""
    return {
        'stage': stage,
        'threads': threads,
        'processes': processes,
        'precision': precision,
        'per_s': round(figure),
        'unit': unit,
        'bottleneck': max(shares, key=lambda name: shares[name]),
        'shares': shares,
    }
