"""Find what ships beside the code: robots, worlds, launch files and models."""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path

from simdist_ros.core.errors import ConfigError, unknown_name

__all__ = ['find_config', 'share_folder']

PACKAGE = 'simdist_ros'


def share_folder() -> Path:
    """Return the folder that holds ``config/``, ``launch/`` and ``models/``.

    The source tree when the code runs from one, else ``share/simdist_ros`` of the first install
    prefix that has it (a colcon workspace or a Python environment).

    Raises:
        ConfigError: Neither is there, so the installation is incomplete.
    """
    source = Path(__file__).resolve().parents[2]
    if (source / 'package.xml').is_file() and (source / 'config').is_dir():
        return source
    ament = os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep)
    # Debian's own Python installs data below /usr/local, which is not its prefix.
    for prefix in filter(None, [*ament, sys.prefix, sysconfig.get_path('data')]):
        share = Path(prefix) / 'share' / PACKAGE
        if (share / 'config').is_dir():
            return share
    raise ConfigError(
        f'no share/{PACKAGE} under AMENT_PREFIX_PATH or {sys.prefix}; install the package again '
        'or source the workspace it was built in'
    )


def find_config(kind: str, name: str) -> Path:
    """Return the YAML file of a robot or a world, by name or by path.

    Args:
        kind: ``robots`` or ``worlds``.
        name: The name of one that ships, or the path of a YAML file.

    Raises:
        ConfigError: There is no such file or name.
    """
    if name.endswith(('.yaml', '.yml')) or os.sep in name:
        path = Path(name).expanduser()
        if not path.is_file():
            raise ConfigError(f'{kind[:-1]} file {name!r} does not exist')
        return path.resolve()
    folder = share_folder() / 'config' / kind
    known = [path.stem for path in folder.glob('*.yaml')]
    if name not in known:
        raise ConfigError(unknown_name(kind[:-1], name, known))
    return folder / f'{name}.yaml'
