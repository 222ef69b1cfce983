"""Time for one plan, by samples, iterations and threads; medians and p99 of a warm planner."""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
import torch

from benchmarks.model import benchmark_model
from simdist_ros.core.robot import load_robot
from simdist_ros.planning.fitting import blank_observation, warm_up
from simdist_ros.planning.planner import Planner
from simdist_ros.planning.settings import MppiSettings
from simdist_ros.world_model.checkpoint import find_model, load_model

SIZES = ((0, 0), (16, 1), (16, 2), (32, 2), (64, 2), (128, 4), (450, 8))
MIN_PLANS, MAX_PLANS, ENOUGH_S = 5, 200, 4.0


def measure(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Return one row for each size and number of threads."""
    model = load_model(find_model(benchmark_model(options.model)), load_robot('go2')).model
    rows = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        for samples, iterations in SIZES:
            settings = MppiSettings(num_samples=max(samples, 1), num_iterations=iterations)
            planner = Planner(model, settings, torch.Generator().manual_seed(0))
            warm_up(planner)
            times: list[float] = []
            end = time.monotonic() + ENOUGH_S
            while len(times) < MAX_PLANS and (len(times) < MIN_PLANS or time.monotonic() < end):
                observation = blank_observation(model.architecture, 0, len(times))
                times.append(planner.plan(observation).elapsed_ms)
            rows.append(
                {
                    'threads': threads,
                    'num_samples': samples,
                    'num_iterations': iterations,
                    'median_ms': round(float(np.median(times)), 2),
                    'p99_ms': round(float(np.percentile(times, 99)), 2),
                    'plans': len(times),
                }
            )
    return rows
