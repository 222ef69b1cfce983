"""Which feet stood on the ground in a recorded walk, from poses alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from simdist_ros.embodiment.robot import Robot
from simdist_ros.sim.scenes.world import World
from simdist_ros.sim.simulated_robot import SimulatedRobot

__all__ = ['Footfalls', 'find_footfalls']

Array = NDArray[np.floating[Any]]

CONTACT_M = 0.01  # above contact depth and encoder noise, far below the height of a step


@dataclass(frozen=True, kw_only=True)
class Footfalls:
    """Contacts of the feet, by kinematics: near enough to the ground to touch it.

    Attributes:
        feet: Names, F of them.
        time_s: Since the start of the walk, (N,) [s].
        contact: Whether each foot was within `CONTACT_M` of the ground, (N, F).
    """

    feet: tuple[str, ...]
    time_s: Array
    contact: NDArray[np.bool_]


def find_footfalls(robot: Robot, world: World, seed: int, poses: Array) -> Footfalls:
    """Compute contacts from poses; forces are not recorded.

    Args:
        robot: As it was simulated.
        world: As it was simulated.
        seed: Of the simulation whose first episode this was.
        poses: Time [s], base position [m], base quaternion (w, x, y, z) and joint positions [rad]
            of each moment, (N, 8 + num_joints).
    """
    simulation = SimulatedRobot(robot, world, seed)
    model, data = simulation.model, simulation.data
    geoms = simulation.contacts.foot_geoms
    clearance = np.zeros((len(poses), len(geoms)))
    for pose, row in zip(poses, clearance, strict=True):
        simulation.base.set_pose(data, pose[1:8])
        simulation.motors.place(data, pose[8:])
        mujoco.mj_kinematics(model, data)
        depths = [simulation.height_scan.depth(*at) for at in data.geom_xpos[geoms].tolist()]
        row[:] = np.array(depths) - model.geom_size[geoms, 0]
    return Footfalls(feet=simulation.feet, time_s=poses[:, 0], contact=clearance < CONTACT_M)
