"""Exports a model's ONNX graphs before a robot moves: once for an architecture."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

from simdist_ros.planning.backends.choice import AUTO, BackendSettings, exported, options
from simdist_ros.world_model.store.checkpoint import find_model, load_model

__all__ = ['export_once', 'wants_export']

EXPORTS = ('onnx', 'onnxscript')  # what torch.onnx needs


def export_once(parameters: Mapping[str, Any], tell: Callable[[str], None]) -> None:
    """Export the graphs that a planner may measure, unless they are there.

    ONNX Runtime takes about half of PyTorch's time for the few candidates that fit a tick. A
    failure costs speed and nothing else, so it is told and the planner starts with PyTorch.

    Args:
        parameters: Of the planner node; what is missing has its default.
        tell: Takes one line for the user.
    """
    model = str(parameters['model'])
    settings = BackendSettings(
        **{name: parameters[name] for name in ('backend', 'device') if name in parameters}
    )
    if not wants_export(settings) or exported(load_model(find_model(model)).model):
        return
    tell(f'exporting the ONNX graphs of {model}, once for its architecture: about half a minute')
    command = [sys.executable, '-m', 'simdist_ros.cli', 'export-onnx', model]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f'exit code {done.returncode}'])[-1]
        tell(f'no ONNX graphs, the planner uses PyTorch: {last}')


def wants_export(settings: BackendSettings) -> bool:
    """Tell whether the planner would measure ONNX Runtime, and what exports is installed."""
    if settings.backend != AUTO or settings.device not in (AUTO, 'cpu', 'cuda'):
        return False
    runs = any(option.backend == 'onnxruntime' for option in options())
    return runs and all(importlib.util.find_spec(name) for name in EXPORTS)
