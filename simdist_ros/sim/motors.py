"""The joint drives: a PD law with limited torque, as MuJoCo actuators."""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from simdist_ros.embodiment.robot import Robot
from simdist_ros.sim.scenes.world import World
from simdist_ros.sim.world_fit import drives_in

__all__ = ['Motors']

Array = NDArray[np.floating[Any]]

SETTLING_DAMPING = 10.0


class Motors:
    """The actuators of one model, in the robot's joint order.

    torque = clip(kp (target - reading) - kd velocity, -limit, limit), each physics step; what the
    encoder reads is the position, beyond it by the error of its zero.
    """

    def __init__(self, model: mujoco.MjModel, robot: Robot, world: World) -> None:
        """Set torque limits and dry friction in the model; gains follow with `engage`."""
        joints = [model.joint(name) for name in robot.joint_names]
        self.qpos: NDArray[np.intp] = np.array([joint.qposadr[0] for joint in joints])
        self.qvel: NDArray[np.intp] = np.array([joint.dofadr[0] for joint in joints])
        driven = [model.joint(transmitted).name for transmitted in model.actuator_trnid[:, 0]]
        self.index: NDArray[np.intp] = robot.order(driven)
        self.model = model
        drives = drives_in(world, robot)
        self.kp, self.kd, self.zero_offset = drives.kp, drives.kd, drives.zero_offset_rad
        limit = drives.max_torque
        model.actuator_forcerange[self.index] = np.stack([-limit, limit], axis=-1)
        model.actuator_forcelimited[self.index] = 1
        model.dof_frictionloss[self.qvel] = drives.friction_nm

    def read(self, data: mujoco.MjData) -> Array:
        """Return what the encoders read, (num_joints,) [rad]."""
        read: Array = data.qpos[self.qpos] + self.zero_offset
        return read

    def place(self, data: mujoco.MjData, read: Array) -> None:
        """Put the joints where the encoders read this, (num_joints,) [rad]."""
        data.qpos[self.qpos] = read - self.zero_offset

    def drive(self, data: mujoco.MjData, target: Array) -> None:
        """Drive the joints to where the encoders read the target, (num_joints,) [rad]."""
        data.ctrl[self.index] = target - self.zero_offset

    def engage(self) -> None:
        """Switch the position gain on."""
        self.set_gains(self.kp, self.kd)

    def damp(self) -> None:
        """Switch the position gain off: what is left resists motion."""
        self.set_gains(np.zeros_like(self.kp), self.kd)

    def settle(self) -> None:
        """Switch the position gain on with so much damping that no sway is left in a second."""
        self.set_gains(self.kp, SETTLING_DAMPING * self.kd)

    def set_gains(self, kp: Array, kd: Array) -> None:
        """Write the gains to the model, (num_joints,) [N m/rad] and [N m s/rad]."""
        self.model.actuator_gainprm[self.index, 0] = kp
        self.model.actuator_biasprm[self.index, 1] = -kp
        self.model.actuator_biasprm[self.index, 2] = -kd
