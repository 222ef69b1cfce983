"""Where and with what a figure was measured."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import mujoco
import numpy
import torch

from simdist_ros import __version__


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
        'torch': torch.__version__,
        'mujoco': mujoco.__version__,
        'numpy': numpy.__version__,
        'simdist_ros': __version__,
        'commit': commit or 'unknown',
    }
