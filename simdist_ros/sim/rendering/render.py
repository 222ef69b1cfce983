"""Frames of a recorded walk from a camera that follows it; needs OpenGL in this process."""

from __future__ import annotations

import math
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from simdist_ros.core.rotation import yaw
from simdist_ros.embodiment.robot import Robot
from simdist_ros.sim.rendering.patch_marks import add_patch_marks
from simdist_ros.sim.scenes.scenery import place_sun
from simdist_ros.sim.scenes.world import World
from simdist_ros.sim.simulated_robot import SimulatedRobot

__all__ = ['render_walk', 'sample_poses', 'stride_poses']

Array = NDArray[np.floating[Any]]

RATE_HZ = 12.5
MAX_FRAMES = 150
STILLS = 8
SIZE = (480, 270)  # width, height [px]
VIEW_FROM_RAD = math.radians(128.0)  # turned from the robot's heading
ELEVATION_DEG = -17.0
DISTANCE_M = 1.35
STEP_BACK = 2.5  # heights of a robot on a fixed base
BELOW_BASE_M = 0.07
FOLLOW = 0.15  # share of a change of height or heading that the camera takes up, per frame


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


def stride_poses(poses: Array, period_s: float) -> Array:
    """Choose moments evenly spaced over one stride, from the middle of a walk.

    Args:
        poses: As for `render_walk`, (N, 8 + num_joints).
        period_s: Duration of a stride [s].

    Returns:
        The chosen poses, (STILLS, 8 + num_joints), or fewer where fewer were recorded.
    """
    time_s = poses[:, 0]
    start = max(time_s[0], 0.5 * (time_s[0] + time_s[-1] - period_s))
    wanted = start + np.arange(STILLS) * period_s / STILLS
    nearest = np.abs(time_s - wanted[:, None]).argmin(axis=1)
    chosen: Array = poses[np.unique(nearest)]
    return chosen


def render_walk(
    robot: Robot, world: World, seed: int, poses: Array, size: tuple[int, int] = SIZE
) -> NDArray[np.uint8]:
    """Draw each pose with a camera that follows; needs OpenGL in this process.

    Args:
        robot: As it was simulated.
        world: As it was simulated.
        seed: Of the simulation whose first episode this was.
        poses: Time [s], base position [m], base quaternion (w, x, y, z) and joint positions [rad]
            of each picture, (F, 8 + num_joints).
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
        for number, (pose, frame) in enumerate(zip(poses, frames, strict=True)):
            simulation.base.set_pose(data, pose[1:8])
            simulation.motors.place(data, pose[8:])
            mujoco.mj_forward(model, data)
            if robot.has_free_base:
                follow(camera, pose)
            elif number == 0:
                step_back(camera, data, pose)
            place_sun(data, math.radians(camera.azimuth))
            renderer.update_scene(data, camera)
            add_patch_marks(renderer.scene, simulation, pose[1:4])
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


def step_back(camera: mujoco.MjvCamera, data: mujoco.MjData, pose: Array) -> None:
    """Look at all of a robot that stays where it is, once its first pose is computed."""
    height = float(data.geom_xpos[:, 2].max() - pose[3])
    camera.distance = max(DISTANCE_M, STEP_BACK * height)
    camera.lookat[2] = pose[3] + 0.5 * height


def follow(camera: mujoco.MjvCamera, pose: Array) -> None:
    """Keep the robot in the middle; its bouncing stays visible."""
    camera.lookat[:2] = pose[1:3]
    camera.lookat[2] += FOLLOW * (pose[3] - BELOW_BASE_M - camera.lookat[2])
    turned = math.degrees(yaw(pose[4:8]) + VIEW_FROM_RAD) - camera.azimuth
    camera.azimuth += FOLLOW * ((turned + 180.0) % 360.0 - 180.0)
