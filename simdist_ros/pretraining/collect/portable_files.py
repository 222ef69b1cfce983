"""Files as bytes, for a machine that does not see our disk."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from simdist_ros.embodiment.robot import Robot
from simdist_ros.pretraining.recipe import recipe_path
from simdist_ros.sim.mjcf import mjcf_files

__all__ = ['pack', 'robot_files', 'unpack']


def robot_files(robot: Robot) -> list[Path]:
    """Return a robot's description, its recipe and its MJCF with all that this includes."""
    return [robot.source, recipe_path(robot), *mjcf_files(robot)]


def pack(paths: Iterable[Path]) -> dict[str, bytes]:
    """Read files, by their paths from the folder that holds them all."""
    whole = [Path(os.path.abspath(path)) for path in paths]
    top = os.path.commonpath([path.parent for path in whole])
    return {str(path.relative_to(top)): path.read_bytes() for path in whole}


def unpack(files: dict[str, bytes], folder: Path) -> None:
    """Write packed files below a folder."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
