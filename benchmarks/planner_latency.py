"""Time for one plan, by samples, iterations, backend and threads; of a warm planner.

Each row tells what a new process of that backend needs too: from loading the model to the first
plan, and its memory.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from benchmarks.options import BenchmarkOptions
from simdist_ros.core.errors import SimdistError
from simdist_ros.embodiment.robot import load_robot
from simdist_ros.planning.backends.choice import BackendSettings, options
from simdist_ros.planning.budget_fitting import blank_observation, warm_up
from simdist_ros.planning.loading import load_planner
from simdist_ros.planning.planner import Planner
from simdist_ros.planning.settings import MppiSettings
from simdist_ros.planning.statistics import peak_memory_mb

SIZES = ((0, 0), (0, 1), (16, 1), (16, 2), (32, 2), (64, 2), (128, 4), (450, 8))
MIN_PLANS, MAX_PLANS = 5, 200


def measure(arguments: BenchmarkOptions) -> list[dict[str, Any]]:
    """Return one row for each backend, size and number of threads."""
    model, sizes = arguments.model, arguments.searches or SIZES
    rows: list[dict[str, Any]] = []
    for option in options():
        for threads in (1, 2) if option.device in ('cpu', 'openvino') else (1,):
            backend = BackendSettings(
                backend=option.backend, device=option.device, num_threads=threads
            )
            with multiprocessing.get_context('spawn').Pool(1) as pool:
                rows += pool.apply(measure_backend, (model, backend, sizes, arguments.plans_s))
    return rows


def measure_backend(
    model: str, backend: BackendSettings, sizes: Sequence[tuple[int, int]], enough_s: float
) -> list[dict[str, Any]]:
    """Return the rows of one backend; called in a process of its own."""
    began = time.monotonic()
    try:
        settings = MppiSettings(num_samples=16, num_iterations=1)
        loaded = load_planner(model, load_robot('go2'), settings, seed=0, backend=backend)
    except SimdistError as error:
        print(f'{backend.backend} on {backend.device} left out: {error}', flush=True)
        return []
    ready_s = time.monotonic() - began
    about = {
        'backend': loaded.planner.backend.about,
        'threads': backend.num_threads,
        'ready_s': round(ready_s, 2),
        'memory_mb': round(peak_memory_mb()),
    }
    return [
        {**about, **latency(loaded.planner, samples, iterations, enough_s)}
        for samples, iterations in sizes
    ]


def latency(loaded: Planner, samples: int, iterations: int, enough_s: float) -> dict[str, Any]:
    """Return what plans of one size take."""
    settings = MppiSettings(num_samples=samples, num_iterations=iterations)
    generator = torch.Generator().manual_seed(0)
    planner = Planner(loaded.model, settings, generator, backend=loaded.backend)
    warm_up(planner)
    times: list[float] = []
    end = time.monotonic() + enough_s
    while len(times) < MAX_PLANS and (len(times) < MIN_PLANS or time.monotonic() < end):
        planner.prepare()
        observation = blank_observation(planner.model.architecture, 0, len(times))
        times.append(planner.plan(observation).elapsed_ms)
    return {
        'num_samples': samples,
        'num_iterations': iterations,
        'median_ms': round(float(np.median(times)), 2),
        'p99_ms': round(float(np.percentile(times, 99)), 2),
        'plans': len(times),
    }
