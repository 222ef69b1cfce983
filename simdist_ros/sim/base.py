"""The base of a simulated robot: one that moves, or one that is fixed to the world."""

from __future__ import annotations

import math
from typing import Any, Protocol

import mujoco
import numpy as np
from numpy.typing import NDArray

from simdist_ros.embodiment.robot import Robot
from simdist_ros.sim.mjcf import BASE_BODY

__all__ = ['Base', 'FixedBase', 'FreeBase', 'base_of', 'standing_pose']

Array = NDArray[np.floating[Any]]


class Base(Protocol):
    """Where the base is in a simulation, and how it gets there."""

    def set_pose(self, data: mujoco.MjData, pose: Array) -> None:
        """Set position [m] and orientation w, x, y, z of the base, (7,)."""

    def centre(self, data: mujoco.MjData) -> None:
        """Move the base above the origin, as high as it is."""

    def push(self, data: mujoco.MjData, velocity: Array) -> None:
        """Add a level velocity to that of the base, (2,) [m/s]."""

    def motion(self, data: mujoco.MjData) -> tuple[Array, Array, Array, Array]:
        """Return copies of position, orientation, velocity in the world, and turning in the base.

        Returns:
            (3,) [m], (4,) w, x, y, z, (3,) [m/s] and (3,) [rad/s].
        """


class FreeBase:
    """A base with a free joint, the first of all joints."""

    def set_pose(self, data: mujoco.MjData, pose: Array) -> None:
        """Set the pose."""
        data.qpos[:7] = pose

    def centre(self, data: mujoco.MjData) -> None:
        """Move it above the origin."""
        data.qpos[:2] = 0.0

    def push(self, data: mujoco.MjData, velocity: Array) -> None:
        """Add to its velocity."""
        data.qvel[:2] += velocity

    def motion(self, data: mujoco.MjData) -> tuple[Array, Array, Array, Array]:
        """Return pose and velocities."""
        qpos, qvel = data.qpos, data.qvel
        return qpos[:3].copy(), qpos[3:7].copy(), qvel[:3].copy(), qvel[3:6].copy()


class FixedBase:
    """A base that stays where the MJCF has it."""

    def __init__(self, model: mujoco.MjModel) -> None:
        """Look up where that is."""
        self.position = model.body_pos[BASE_BODY].copy()
        self.orientation = model.body_quat[BASE_BODY].copy()

    def set_pose(self, data: mujoco.MjData, pose: Array) -> None:
        """Stay."""

    def centre(self, data: mujoco.MjData) -> None:
        """Stay."""

    def push(self, data: mujoco.MjData, velocity: Array) -> None:
        """Stay."""

    def motion(self, data: mujoco.MjData) -> tuple[Array, Array, Array, Array]:
        """Return the pose, and that it rests."""
        return self.position, self.orientation, np.zeros(3), np.zeros(3)


def base_of(robot: Robot, model: mujoco.MjModel) -> Base:
    """Return the base of a robot's model."""
    return FreeBase() if robot.has_free_base else FixedBase(model)


def standing_pose(height_m: float, heading_rad: float) -> Array:
    """Return a level pose above the origin, (7,)."""
    half = 0.5 * heading_rad
    return np.array([0.0, 0.0, height_m, math.cos(half), 0.0, 0.0, math.sin(half)])
