"""Where in MuJoCo's full state each coordinate of a robot stands."""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from simdist_ros.core.rotation import into_body
from simdist_ros.embodiment.robot import Robot
from simdist_ros.sim.batch.batch_observation import BatchState
from simdist_ros.sim.batch.randomisation import RobotModels
from simdist_ros.sim.mjcf import BASE_BODY

__all__ = ['FULL', 'FixedBaseLayout', 'StateLayout', 'layout_of']

Array = NDArray[np.floating[Any]]

FULL = mujoco.mjtState.mjSTATE_FULLPHYSICS
LEVEL, POSITION, ORIENTATION = slice(1, 3), slice(1, 4), slice(4, 8)  # after the time; base first
HEIGHT = 3
MAX_SPEED = 100.0  # of any coordinate; beyond, the physics has diverged


class StateLayout:
    """The layout that all models of a batch share: time, positions, velocities; the base first."""

    def __init__(self, models: RobotModels) -> None:
        """Look up where the joints stand."""
        plane = models.plane
        self.size = mujoco.mj_stateSize(plane, FULL)
        self.velocity_at = 1 + plane.nq
        self.joint_pos = 1 + models.qpos
        self.joint_vel = self.velocity_at + models.qvel
        self.blank = np.zeros(self.size)
        mujoco.mj_getState(plane, models.data, self.blank, FULL)

    def is_sane(self, state: Array) -> NDArray[np.bool_]:
        """Tell whose physics has not diverged, (N,)."""
        velocity = state[:, self.velocity_at :]
        slow: NDArray[np.bool_] = np.all(np.abs(velocity) < MAX_SPEED, axis=1)  # NaN is not
        return slow & np.isfinite(state).all(axis=1)

    def place(self, state: Array, at: Array, yaw: Array) -> None:
        """Set bases level at x, y, (n, 2) [m], turned by angles, (n,) [rad]."""
        state[:, LEVEL] = at
        turned = np.stack([np.cos(yaw / 2), 0 * yaw, 0 * yaw, np.sin(yaw / 2)], axis=1)
        state[:, ORIENTATION] = turned

    def lift(self, state: Array, index: NDArray[np.intp], height: Array) -> None:
        """Set the heights of some bases, (len(index),) [m]."""
        state[index, HEIGHT] = height

    def throw(self, state: Array, velocity: Array) -> None:
        """Set the velocities of bases in the simulation's frame, (n, 3) [m/s]."""
        state[:, self.velocity_at : self.velocity_at + 3] = velocity

    def push(self, state: Array, index: NDArray[np.intp], velocity: Array) -> None:
        """Add to the velocities of some bases, (len(index), 2) [m/s]."""
        state[index, self.velocity_at : self.velocity_at + 2] += velocity

    def level(self, state: Array) -> Array:
        """Return x and y of bases, (..., 2) [m], of states, (..., size)."""
        place: Array = state[..., LEVEL]
        return place

    def shift(self, state: Array, by: Array) -> None:
        """Move bases along x and y, (..., 2) [m]."""
        state[..., LEVEL] += by

    def wrap(self, state: Array, trace: Array, period_m: float) -> Array:
        """Set back by a period who left the square around the origin; return by how much.

        Args:
            state: (N, size).
            trace: Earlier states, (N, steps, size), which go along.
            period_m: Side of the square [m].
        """
        moved: Array = -period_m * np.floor(self.level(state) / period_m + 0.5)
        self.shift(state, moved)
        self.shift(trace, moved[:, None])
        return moved

    def motion(self, state: Array) -> tuple[Array, Array, Array, Array]:
        """Return position, orientation, velocity and turning of bases, N rows each."""
        at = self.velocity_at
        return (
            state[:, POSITION],
            state[:, ORIENTATION],
            state[:, at : at + 3],
            state[:, at + 3 : at + 6],
        )

    def read(
        self,
        state: Array,
        stamp_ns: NDArray[np.int64],
        up: Array,
        wrench: Array,
        command: Array,
    ) -> BatchState:
        """Split states, (N, size), into what they mean, and add what they do not hold.

        Args:
            state: Of each robot.
            stamp_ns: (N,) [ns].
            up: Its vertical, (N, 3).
            wrench: At its wrist, (N, 6).
            command: What it is asked for, (N, command_dim).
        """
        position, orientation, velocity, turning = self.motion(state)
        return BatchState(
            stamp_ns=stamp_ns,
            position=position,
            orientation=orientation,
            linear_velocity=into_body(orientation, velocity),
            angular_velocity=turning,
            joint_pos=state[:, self.joint_pos],
            joint_vel=state[:, self.joint_vel],
            up=up,
            wrench=wrench,
            command=command,
        )


class FixedBaseLayout(StateLayout):
    """A layout without a base, which stays where the MJCF has it."""

    def __init__(self, models: RobotModels) -> None:
        """Look up where the joints and the base are."""
        super().__init__(models)
        self.position = models.plane.body_pos[BASE_BODY].copy()
        self.orientation = models.plane.body_quat[BASE_BODY].copy()

    def place(self, state: Array, at: Array, yaw: Array) -> None:
        """Stay."""

    def lift(self, state: Array, index: NDArray[np.intp], height: Array) -> None:
        """Stay."""

    def throw(self, state: Array, velocity: Array) -> None:
        """Stay."""

    def push(self, state: Array, index: NDArray[np.intp], velocity: Array) -> None:
        """Stay."""

    def shift(self, state: Array, by: Array) -> None:
        """Stay."""

    def level(self, state: Array) -> Array:
        """Return the origin: nothing is wrapped around it."""
        return np.zeros((*state.shape[:-1], 2))

    def motion(self, state: Array) -> tuple[Array, Array, Array, Array]:
        """Return where all bases are, and that they rest."""
        n = len(state)
        still = np.zeros((n, 3))
        return np.tile(self.position, (n, 1)), np.tile(self.orientation, (n, 1)), still, still


def layout_of(robot: Robot, models: RobotModels) -> StateLayout:
    """Return the layout of a robot's states."""
    return StateLayout(models) if robot.has_free_base else FixedBaseLayout(models)
