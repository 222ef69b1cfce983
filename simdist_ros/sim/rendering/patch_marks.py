"""Patches of the ground in a picture: flat tiles, for the eye only."""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from simdist_ros.sim.simulated_robot import SimulatedRobot

__all__ = ['add_patch_marks']

REACH_M = 2.5  # around the robot
THICKNESS_M = 0.001
COLOUR = np.array([0.45, 0.75, 0.95, 0.6], dtype=np.float32)


def add_patch_marks(
    scene: mujoco.MjvScene, simulation: SimulatedRobot, position: NDArray[np.floating[Any]]
) -> None:
    """Add a tile to a scene for each patch around the robot, level, as high as the ground there.

    Args:
        scene: After its update.
        simulation: Whose patches.
        position: Of the base, (3,) [m].
    """
    patches = simulation.grip.patches
    if patches is None:
        return
    (cos, _), (sin, _) = patches.turned
    turned = np.array([cos, -sin, 0.0, sin, cos, 0.0, 0.0, 0.0, 1.0])
    half = 0.5 * patches.size_m
    for x, y in patches.near(np.asarray(position[:2]), REACH_M):
        if scene.ngeom == scene.maxgeom:
            return
        height = position[2] - simulation.height_scan.depth(x, y, position[2])
        mujoco.mjv_initGeom(
            scene.geoms[scene.ngeom],
            mujoco.mjtGeom.mjGEOM_BOX,
            np.array([half, half, THICKNESS_M]),
            np.array([x, y, height]),
            turned,
            COLOUR,
        )
        scene.ngeom += 1
