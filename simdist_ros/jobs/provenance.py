"""Where and with what something was made or measured."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path

from simdist_ros import __version__
from simdist_ros.core.share import share_folder

__all__ = ['about_machine', 'describe_commit']

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


def describe_commit() -> str:
    """Return the commit of the source tree, or nothing where it is not one."""
    root = share_folder()
    if not (root / '.git').exists():
        return ''
    command = ['git', 'describe', '--always', '--dirty', '--abbrev=12']
    try:
        done = subprocess.run(command, capture_output=True, text=True, cwd=root, check=False)
    except OSError:
        return ''
    return done.stdout.strip()
