"""Pictures of recorded walks as files, drawn after them: a running robot never waits for graphics.

MuJoCo settles on a way to draw when it is imported. Drawing therefore happens in a process of its
own, ``python -m simdist_ros.sim.rendering.draw folder name=recording.npz ...``, and tries one
after another.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.embodiment.robot import Robot, load_robot
from simdist_ros.sim.errors import RenderError
from simdist_ros.sim.rendering.pictures import contact_sheet, save_gif, side_by_side, write
from simdist_ros.sim.rendering.render import render_walk, sample_poses, stride_poses
from simdist_ros.sim.scenes.world import World

__all__ = ['RecordedWalk', 'WalkPictures', 'draw_side_by_side', 'draw_walk']

Array = NDArray[np.floating[Any]]

BACKENDS = ('egl', 'osmesa')
TIMEOUT_S = 300.0
INSTALL = (
    'no picture of the walk: neither EGL nor OSMesa can draw here; '
    'apt install libegl1 libopengl0 libgl1-mesa-dri (or libosmesa6)'
)


@dataclass(frozen=True, kw_only=True)
class RecordedWalk:
    """What it takes to draw a walk.

    Attributes:
        robot: As it was simulated.
        world: As it was simulated.
        seed: Of the simulation whose first episode this was.
        poses: Time [s], base position [m], base quaternion (w, x, y, z) and joint positions [rad]
            of each moment, (N, 8 + num_joints).
    """

    robot: Robot
    world: World
    seed: int
    poses: Array

    def save(self, path: Path) -> None:
        """Write it for the process that draws."""
        np.savez(
            path,
            robot=str(self.robot.source),
            world=json.dumps(self.world.as_mapping()),
            world_name=self.world.name,
            seed=self.seed,
            poses=self.poses,
        )

    @classmethod
    def load(cls, path: str) -> RecordedWalk:
        """Read what `save` wrote."""
        with np.load(path) as data:
            values, name = json.loads(str(data['world'])), str(data['world_name'])
            world = World.from_file(values, path, name)
            robot = load_robot(str(data['robot']))
            return cls(robot=robot, world=world, seed=int(data['seed']), poses=data['poses'])


@dataclass(frozen=True)
class WalkPictures:
    """Where the pictures of a walk lie."""

    contact_sheet: Path
    gif: Path


def draw_walk(walk: RecordedWalk, folder: Path) -> WalkPictures:
    """Draw one stride of a walk as ``walk.png`` and all of it as ``walk.gif``.

    Args:
        walk: To draw.
        folder: Where the pictures shall lie; it exists.

    Raises:
        RenderError: Nothing here can draw, and it says what to install; or there is no pose.
    """
    draw({'walk': walk}, folder)
    return WalkPictures(folder / 'walk.png', folder / 'walk.gif')


def draw_side_by_side(walks: Mapping[str, RecordedWalk], folder: Path) -> Path:
    """Draw two walks beside each other, the same time in both, and return the GIF.

    Args:
        walks: The left and the right one by the name that is written into the picture.
        folder: Where the film shall lie; it exists.

    Raises:
        RenderError: As for `draw_walk`.
    """
    draw(walks, folder)
    return folder / film_name(list(walks))


def film_name(names: list[str]) -> str:
    """Return the file name of a film of several walks."""
    return f'{"_".join(names)}.gif'


def draw(walks: Mapping[str, RecordedWalk], folder: Path) -> None:
    """Draw in a process of its own, with the first OpenGL that works."""
    if not all(len(walk.poses) for walk in walks.values()):
        raise RenderError('no picture of the walk: no pose was recorded')
    reasons = []
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, '-m', __name__, str(folder)]
        for name, walk in walks.items():
            recording = Path(scratch) / f'{name}.npz'
            walk.save(recording)
            command.append(f'{name}={recording}')
        for backend in dict.fromkeys(filter(None, (os.environ.get('MUJOCO_GL'), *BACKENDS))):
            reason = run(command, backend)
            if not reason:
                return
            reasons.append(reason)
    raise RenderError(f'{INSTALL} ({"; ".join(reasons)})')


def run(command: list[str], backend: str) -> str:
    """Draw with one OpenGL; return why it failed, or nothing."""
    environment = {**os.environ, 'MUJOCO_GL': backend, 'PYTHONPATH': os.pathsep.join(sys.path)}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S
        )
    except subprocess.TimeoutExpired:
        return f'{backend} took more than {TIMEOUT_S:.0f} s'
    if done.returncode == 0:
        return ''
    return f'{backend}: {(done.stderr.strip().splitlines() or ["no message"])[-1]}'


def draw_one(walk: RecordedWalk, folder: Path) -> None:
    """Write the stills of one stride and the film of a walk."""
    start = walk.poses[0]
    chosen = stride_poses(walk.poses, walk.robot.phase_period_s)
    stills = render_walk(walk.robot, walk.world, walk.seed, chosen)
    labels = [f'{pose[0] - start[0]:.2f} s   {distance(pose, start):.2f} m' for pose in chosen]
    contact_sheet(stills, folder / 'walk.png', labels)
    filmed, rate_hz = sample_poses(walk.poses)
    save_gif(render_walk(walk.robot, walk.world, walk.seed, filmed), folder / 'walk.gif', rate_hz)


def draw_film(walks: Mapping[str, RecordedWalk], folder: Path) -> None:
    """Write the film of walks beside each other; a shorter one keeps its last picture."""
    longest = max((walk.poses for walk in walks.values()), key=lambda poses: np.ptp(poses[:, 0]))
    filmed, rate_hz = sample_poses(longest)
    times = filmed[:, 0] - longest[0, 0]
    halves = []
    for name, walk in walks.items():
        start = walk.poses[0]
        index = np.searchsorted(walk.poses[:, 0] - start[0], times)
        poses = walk.poses[np.minimum(index, len(walk.poses) - 1)]
        frames = render_walk(walk.robot, walk.world, walk.seed, poses)
        for frame, pose, time in zip(frames, poses, times, strict=True):
            write(frame, f'{name}   {time:.1f} s   {distance(pose, start):.1f} m')
        halves.append(frames)
    save_gif(side_by_side(halves), folder / film_name(list(walks)), rate_hz)


def distance(pose: Array, start: Array) -> float:
    """Return how far along the ground a pose lies from the start [m]."""
    return float(np.linalg.norm(pose[1:3] - start[1:3]))


def main(folder: str, *recordings: str) -> None:
    """Draw recordings: the body of the process that `draw` starts."""
    pairs = [recording.partition('=') for recording in recordings]
    walks = {name: RecordedWalk.load(path) for name, _, path in pairs}
    if len(walks) == 1:
        draw_one(next(iter(walks.values())), Path(folder))
    else:
        draw_film(walks, Path(folder))


if __name__ == '__main__':
    main(*sys.argv[1:])
