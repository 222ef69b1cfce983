"""The sensor of force and torque at the wrist of a simulated arm."""

from __future__ import annotations

from collections import deque
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from simdist_ros.embodiment.robot import Robot

__all__ = ['WRENCH_SIZE', 'Wrist', 'add_wrench_sensor', 'mean_wrench']

Array = NDArray[np.floating[Any]]

WRENCH_SIZE = 6
NAMES = ('wrist_force', 'wrist_torque')


def add_wrench_sensor(robot: Robot, spec: mujoco.MjSpec) -> None:
    """Add what measures at the robot's site `wrench`; without one, nothing."""
    if not robot.wrench:
        return
    kinds = mujoco.mjtSensor.mjSENS_FORCE, mujoco.mjtSensor.mjSENS_TORQUE
    for name, kind in zip(NAMES, kinds, strict=True):
        spec.add_sensor(
            name=name, type=kind, objtype=mujoco.mjtObj.mjOBJ_SITE, objname=robot.wrench
        )


class Wrist:
    """What the sensor of one simulation says: a mean over the last control period."""

    def __init__(self, model: mujoco.MjModel, robot: Robot, steps: int) -> None:
        """Find the sensor; its mean is over so many physics steps."""
        self.addresses = [
            int(model.sensor(name).adr[0]) + axis
            for name in (NAMES if robot.wrench else ())
            for axis in range(3)
        ]
        self.felt: deque[Array] = deque(maxlen=steps)

    def note(self, data: mujoco.MjData) -> None:
        """Take a physics step into account."""
        if self.addresses:
            self.felt.append(data.sensordata[self.addresses])

    def read(self) -> Array:
        """Return the wrench, (6,) [N, N m]; 0 at first, nothing of a robot without the sensor."""
        if not self.felt:
            return np.zeros(len(self.addresses))
        return mean_wrench(np.array(self.felt))


def mean_wrench(felt: Array) -> Array:
    """Return the force [N] and torque [N m] that act on the tool, (..., 6).

    Args:
        felt: What MuJoCo's sensors said in each physics step, (..., steps, 6): what the arm exerts
            on the tool, as if the tool's weight were part of it.
    """
    if not felt.shape[-1]:
        return np.zeros((*felt.shape[:-2], 0))
    wrench: Array = -felt.mean(axis=-2)
    return wrench
