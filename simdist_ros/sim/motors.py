"""The joint drives: a PD law with limited torque, as MuJoCo actuators."""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from simdist_ros.embodiment.robot import Robot
from simdist_ros.sim.scenes.world import World

__all__ = ['Motors']

Array = NDArray[np.floating[Any]]

SETTLING_DAMPING = 10.0


class Motors:
    """The actuators of one model, in the robot's joint order.

    torque = clip(kp (target - position) - kd velocity, -limit, limit), each physics step.
    """

    def __init__(self, model: mujoco.MjModel, robot: Robot, world: World) -> None:
        """Set torque limits and dry friction in the model; gains follow with `engage`."""
        joints = [model.joint(name) for name in robot.joint_names]
        self.qpos: NDArray[np.intp] = np.array([joint.qposadr[0] for joint in joints])
        self.qvel: NDArray[np.intp] = np.array([joint.dofadr[0] for joint in joints])
        driven = [model.joint(transmitted).name for transmitted in model.actuator_trnid[:, 0]]
        self.index: NDArray[np.intp] = robot.order(driven)
        self.model = model
        self.kp = world.kp_scale * robot.per_joint('kp')
        self.kd = world.kd_scale * robot.per_joint('kd')
        limit = world.motor_strength * robot.per_joint('max_torque')
        model.actuator_forcerange[self.index] = np.stack([-limit, limit], axis=-1)
        model.actuator_forcelimited[self.index] = 1
        model.dof_frictionloss[self.qvel] = world.joint_friction_nm

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
