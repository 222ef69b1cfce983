"""What of the robot touches the ground."""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from simdist_ros.sim.mjcf import BASE_BODY, FOOT

__all__ = ['Contacts']

Array = NDArray[np.floating[Any]]


class Contacts:
    """Reads contacts of feet and trunk from a simulation."""

    def __init__(self, model: mujoco.MjModel) -> None:
        """Find the feet (geoms named ``*_foot``) and the trunk (geoms of the base)."""
        self.model = model
        names = [model.geom(index).name for index in range(model.ngeom)]
        self.feet: tuple[str, ...] = tuple(
            name.removesuffix(FOOT) for name in names if name.endswith(FOOT)
        )
        feet = [i for i, name in enumerate(names) if name.endswith(FOOT)]
        self.foot_geoms: NDArray[np.intp] = np.array(feet, dtype=np.intp)
        self.trunk_geoms = np.flatnonzero(model.geom_bodyid == BASE_BODY)

    def foot_contact(self, data: mujoco.MjData) -> NDArray[np.bool_]:
        """Tell which feet touch the ground, (number of feet,)."""
        return np.isin(self.foot_geoms, data.contact.geom)

    def foot_motion(self, data: mujoco.MjData) -> tuple[Array, Array, Array]:
        """Return positions and velocities of the feet in the world, (F, 3), and their radii."""
        velocity = np.zeros((len(self.foot_geoms), 6))
        for foot, geom in enumerate(self.foot_geoms):
            mujoco.mj_objectVelocity(
                self.model, data, mujoco.mjtObj.mjOBJ_GEOM, geom, velocity[foot], 0
            )
        radius = self.model.geom_size[self.foot_geoms, 0]
        return data.geom_xpos[self.foot_geoms].copy(), velocity[:, 3:], radius.copy()

    def trunk_contact(self, data: mujoco.MjData) -> bool:
        """Tell whether the trunk touches the ground."""
        return bool(np.isin(self.trunk_geoms, data.contact.geom).any())
