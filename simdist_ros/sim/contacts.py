"""What of the robot touches the ground."""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

__all__ = ['Contacts']

FOOT = '_foot'
BASE_BODY = 1


class Contacts:
    """Reads contacts of feet and trunk from a simulation."""

    def __init__(self, model: mujoco.MjModel) -> None:
        """Find the feet (geoms named ``*_foot``) and the trunk (geoms of the base)."""
        names = [model.geom(index).name for index in range(model.ngeom)]
        self.feet: tuple[str, ...] = tuple(
            name.removesuffix(FOOT) for name in names if name.endswith(FOOT)
        )
        self.foot_geoms = np.array([i for i, name in enumerate(names) if name.endswith(FOOT)])
        self.trunk_geoms = np.flatnonzero(model.geom_bodyid == BASE_BODY)

    def foot_contact(self, data: mujoco.MjData) -> NDArray[np.bool_]:
        """Tell which feet touch the ground, (number of feet,)."""
        return np.isin(self.foot_geoms, data.contact.geom)

    def trunk_contact(self, data: mujoco.MjData) -> bool:
        """Tell whether the trunk touches the ground."""
        return bool(np.isin(self.trunk_geoms, data.contact.geom).any())
