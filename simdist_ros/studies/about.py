"""Where and with what a benchmark ran."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path

from simdist_ros import __version__
from simdist_ros.pretraining.pretrain import describe_commit

__all__ = ['about_machine']

CPUS = Path('/proc/cpuinfo')
LIBRARIES = ('mujoco', 'numpy', 'torch')


def about_machine() -> dict[str, str]:
    """Return commit, processor and versions, by name."""
    versions = ', '.join(f'{name} {metadata.version(name)}' for name in LIBRARIES)
    return {
        'commit': describe_commit() or f'none, version {__version__}',
        'machine': f'{processor()}, {len(os.sched_getaffinity(0))} cores',
        'versions': f'simdist_ros {__version__}, Python {platform.python_version()}, {versions}',
    }


def processor() -> str:
    """Return the processor's name."""
    lines = CPUS.read_text().splitlines() if CPUS.exists() else []
    names = [line.partition(':')[2].strip() for line in lines if line.startswith('model name')]
    return names[0] if names else platform.machine()
