"""Where and with what a figure was measured."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import mujoco
import numpy
import torch

from simdist_ros import __version__


def installed(name: str) -> str:
    """Return the version of a package, or '' if it isn't installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ''


def machine() -> dict[str, Any]:
    """Return processor, cores, versions and commit."""
    commit = subprocess.run(
        ['git', 'describe', '--always', '--dirty', '--abbrev=12'],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parent,
        check=False,
    ).stdout.strip()
    model_names = [
        line.split(':', 1)[1].strip()
        for line in Path('/proc/cpuinfo').read_text().splitlines()
        if line.startswith('model name')
    ]
    return {
        'processor': model_names[0] if model_names else platform.machine(),
        'cores': len(os.sched_getaffinity(0)),
        'load_average': os.getloadavg()[0],
        'python': platform.python_version(),
        'gpu': torch.cuda.get_device_name() if torch.cuda.is_available() else '',
        'torch': torch.__version__,
        'onnxruntime': installed('onnxruntime'),
        'mujoco': mujoco.__version__,
        'numpy': numpy.__version__,
        'simdist_ros': __version__,
        'commit': commit or 'unknown',
    }
