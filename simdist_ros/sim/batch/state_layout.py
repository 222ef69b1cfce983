"""Where in MuJoCo's full state each coordinate of a robot stands."""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from simdist_ros.core.rotation import into_body
from simdist_ros.sim.batch.observation import BatchState
from simdist_ros.sim.batch.randomisation import RobotModels

__all__ = ['FULL', 'StateLayout']

Array = NDArray[np.floating[Any]]

FULL = mujoco.mjtState.mjSTATE_FULLPHYSICS
POSITION, ORIENTATION = slice(1, 4), slice(4, 8)  # after the time; the base comes first


class StateLayout:
    """The layout that all models of a batch share: time, positions, velocities."""

    def __init__(self, models: RobotModels) -> None:
        """Look up where the joints stand."""
        plane = models.plane
        self.size = mujoco.mj_stateSize(plane, FULL)
        self.velocity_at = 1 + plane.nq
        self.joint_pos = 1 + models.qpos
        self.joint_vel = self.velocity_at + models.qvel
        self.blank = np.zeros(self.size)
        mujoco.mj_getState(plane, models.data, self.blank, FULL)

    def read(self, state: Array, stamp_ns: NDArray[np.int64], up: Array) -> BatchState:
        """Split states, (N, size), of robots whose vertical is `up`, into what they mean."""
        at = self.velocity_at
        orientation = state[:, ORIENTATION]
        return BatchState(
            stamp_ns=stamp_ns,
            position=state[:, POSITION],
            orientation=orientation,
            linear_velocity=into_body(orientation, state[:, at : at + 3]),
            angular_velocity=state[:, at + 3 : at + 6],
            joint_pos=state[:, self.joint_pos],
            joint_vel=state[:, self.joint_vel],
            up=up,
        )
