"""Pictures of a recorded walk, drawn after it: a running robot never waits for graphics.

MuJoCo settles on a way to draw when it is imported. `draw_walk` therefore draws in a process of
its own, ``python -m simdist_ros.sim.render recording.npz folder``, and tries one after another.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from simdist_ros.core.heading import yaw
from simdist_ros.core.robot import Robot, load_robot
from simdist_ros.sim.errors import RenderError
from simdist_ros.sim.pictures import contact_sheet, save_gif
from simdist_ros.sim.simulated_robot import SimulatedRobot
from simdist_ros.sim.world import Sensors, World

__all__ = ['WalkPictures', 'draw_walk', 'render_walk', 'sample_poses']

Array = NDArray[np.floating[Any]]

BACKENDS = ('egl', 'osmesa')
RATE_HZ = 12.5
MAX_FRAMES = 150
SIZE = (480, 270)  # width, height [px]
TIMEOUT_S = 300.0
VIEW_FROM_RAD = math.radians(128.0)  # turned from the robot's heading
ELEVATION_DEG = -17.0
DISTANCE_M = 1.35
BELOW_BASE_M = 0.07
FOLLOW = 0.15  # share of a change of height or heading that the camera takes up, per frame
INSTALL = (
    'no picture of the walk: neither EGL nor OSMesa can draw here; '
    'apt install libegl1 libopengl0 libgl1-mesa-dri (or libosmesa6)'
)


@dataclass(frozen=True)
class WalkPictures:
    """Where the pictures of a walk lie."""

    contact_sheet: Path
    gif: Path


def draw_walk(robot: Robot, world: World, seed: int, poses: Array, folder: Path) -> WalkPictures:
    """Draw a walk in a process of its own.

    Args:
        robot: As it was simulated.
        world: As it was simulated.
        seed: Of the simulation whose first episode this was.
        poses: Time [s], base position [m], base quaternion (w, x, y, z) and joint positions [rad]
            of each moment, (N, 8 + num_joints).
        folder: Where ``walk.png`` and ``walk.gif`` shall lie; it exists.

    Raises:
        RenderError: Nothing here can draw, and it says what to install; or there is no pose.
    """
    if not len(poses):
        raise RenderError('no picture of the walk: no pose was recorded')
    reasons = []
    with tempfile.TemporaryDirectory() as scratch:
        recording = Path(scratch) / 'recording.npz'
        np.savez(
            recording,
            robot=str(robot.source),
            world=json.dumps(dataclasses.asdict(world)),
            seed=seed,
            poses=poses,
        )
        command = [sys.executable, '-m', __name__, str(recording), str(folder)]
        for backend in dict.fromkeys(filter(None, (os.environ.get('MUJOCO_GL'), *BACKENDS))):
            reason = run(command, backend)
            if not reason:
                return WalkPictures(folder / 'walk.png', folder / 'walk.gif')
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


def sample_poses(poses: Array) -> tuple[Array, float]:
    """Choose the moments to draw: `RATE_HZ` of them a second, or fewer in a long walk.

    Returns:
        The chosen poses, (F, 8 + num_joints), and their rate [Hz].
    """
    time_s = poses[:, 0]
    duration_s = float(time_s[-1] - time_s[0])
    count = min(MAX_FRAMES, max(1, round(duration_s * RATE_HZ)))
    wanted = time_s[0] + np.arange(count) * duration_s / count
    index = np.minimum(np.searchsorted(time_s, wanted), len(time_s) - 1)
    return poses[index], count / duration_s if duration_s else RATE_HZ


def render_walk(
    robot: Robot, world: World, seed: int, poses: Array, size: tuple[int, int] = SIZE
) -> NDArray[np.uint8]:
    """Draw each pose with a camera that follows; needs OpenGL in this process.

    Args:
        robot: As it was simulated.
        world: As it was simulated.
        seed: Of the simulation whose first episode this was.
        poses: As for `draw_walk`, (F, 8 + num_joints).
        size: Width and height of a picture [px].

    Returns:
        Pictures, (F, height, width, 3).
    """
    simulation = SimulatedRobot(robot, world, seed)
    model, data = simulation.model, simulation.data
    model.vis.global_.offwidth, model.vis.global_.offheight = size
    camera = start_camera(poses[0])
    frames = np.empty((len(poses), size[1], size[0], 3), dtype=np.uint8)
    with mujoco.Renderer(model, height=size[1], width=size[0]) as renderer:
        for pose, frame in zip(poses, frames, strict=True):
            data.qpos[:7] = pose[1:8]
            data.qpos[simulation.motors.qpos] = pose[8:]
            mujoco.mj_forward(model, data)
            follow(camera, pose)
            renderer.update_scene(data, camera)
            frame[:] = renderer.render()
    return frames


def start_camera(pose: Array) -> mujoco.MjvCamera:
    """Return a camera that looks at the robot from ahead and aside."""
    camera = mujoco.MjvCamera()
    camera.azimuth = math.degrees(yaw(pose[4:8]) + VIEW_FROM_RAD)
    camera.elevation = ELEVATION_DEG
    camera.distance = DISTANCE_M
    camera.lookat[:] = pose[1:4] - [0.0, 0.0, BELOW_BASE_M]
    return camera


def follow(camera: mujoco.MjvCamera, pose: Array) -> None:
    """Keep the robot in the middle; its bouncing stays visible."""
    camera.lookat[:2] = pose[1:3]
    camera.lookat[2] += FOLLOW * (pose[3] - BELOW_BASE_M - camera.lookat[2])
    turned = math.degrees(yaw(pose[4:8]) + VIEW_FROM_RAD) - camera.azimuth
    camera.azimuth += FOLLOW * ((turned + 180.0) % 360.0 - 180.0)


def label(pose: Array, start: Array) -> str:
    """Return the caption of a frame: time and distance from the start."""
    distance = float(np.linalg.norm(pose[1:3] - start[1:3]))
    return f'{pose[0] - start[0]:.1f} s   {distance:.1f} m'


def main(recording: str, folder: str) -> None:
    """Draw a recording: the body of the process that `draw_walk` starts."""
    with np.load(recording) as data:
        robot = load_robot(str(data['robot']))
        values = json.loads(str(data['world']))
        seed, poses = int(data['seed']), data['poses']
    world = World(**{**values, 'sensors': Sensors(**values['sensors'])})
    chosen, rate_hz = sample_poses(poses)
    frames = render_walk(robot, world, seed, chosen)
    labels = [label(pose, chosen[0]) for pose in chosen]
    contact_sheet(frames, Path(folder) / 'walk.png', labels)
    save_gif(frames, Path(folder) / 'walk.gif', rate_hz)


if __name__ == '__main__':
    main(*sys.argv[1:])
