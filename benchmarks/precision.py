"""What lower precision brings on a CPU, and what it costs: time and error of one scoring."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from benchmarks.options import BenchmarkOptions
from simdist_ros.embodiment.robot import load_robot
from simdist_ros.planning.backends.torch_backend import TorchBackend
from simdist_ros.planning.budget_fitting import blank_observation
from simdist_ros.planning.planner import Planner
from simdist_ros.planning.settings import MppiSettings
from simdist_ros.world_model.store.checkpoint import find_model, load_model

CANDIDATES = (38, 136, 474)
REPEATS = 20


@contextlib.contextmanager
def bfloat16_products() -> Iterator[None]:
    """Let oneDNN round the factors of a float32 product to bfloat16."""
    torch.backends.mkldnn.matmul.fp32_precision = 'bf16'
    try:
        yield
    finally:
        torch.backends.mkldnn.matmul.fp32_precision = 'none'


PRECISIONS = {
    'float32': contextlib.nullcontext,
    'bfloat16 products': bfloat16_products,
    'bfloat16 autocast': lambda: torch.autocast('cpu', torch.bfloat16),
}


@torch.inference_mode()
def measure(options: BenchmarkOptions) -> list[dict[str, Any]]:
    """Return one row for each precision and number of candidates."""
    torch.set_num_threads(options.threads)
    model = load_model(find_model(options.model), load_robot('go2')).model
    backend = TorchBackend(model)
    planner = Planner(model, MppiSettings(), torch.Generator(), backend=backend)
    prior = planner.observe(blank_observation(model.architecture, 0))[0]
    backend.remember()
    rows = []
    for count in CANDIDATES:
        noise = torch.randn((count, *prior.shape), generator=torch.Generator().manual_seed(0))
        actions = prior + 0.3 * noise
        exact = backend.score(actions, 0.99)
        for name, precision in PRECISIONS.items():
            with precision():
                error = float((backend.score(actions, 0.99) - exact).abs().max())
                times = [timed(backend, actions) for _ in range(REPEATS)]
            rows.append(
                {
                    'precision': name,
                    'threads': options.threads,
                    'candidates': count,
                    'median_ms': round(float(np.median(times)), 2),
                    'largest_error': float(f'{error:.2g}'),
                    'spread_of_returns': float(f'{float(exact.std()):.2g}'),
                }
            )
    return rows


def timed(backend: TorchBackend, actions: torch.Tensor) -> float:
    """Return what one scoring takes [ms]."""
    began = time.perf_counter()
    backend.score(actions, 0.99)
    return 1e3 * (time.perf_counter() - began)
