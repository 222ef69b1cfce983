"""How robots stand on the ground: feet, trunk and base."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.sim.batch.batch_observation import BatchState
from simdist_ros.sim.batch.ground import BatchGround
from simdist_ros.sim.batch.training_model import FOOT_SENSORS

__all__ = ['Footing', 'find_footing']

Array = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]

CONTACT_N = 1.0


@dataclass(frozen=True)
class Footing:
    """Where N robots with F feet are against the ground.

    Attributes:
        base_height: Over the ground around, (N,) [m].
        foot_contact: Whether each foot presses on the ground, (N, F).
        foot_height: Of its lowest point over the ground, (N, F) [m].
        foot_speed: Along the ground, (N, F) [m/s].
        trunk_contact: Who lies on the trunk, (N,).
    """

    base_height: Array
    foot_contact: Mask
    foot_height: Array
    foot_speed: Array
    trunk_contact: Mask


def find_footing(
    ground: BatchGround, state: BatchState, heights: Array, sensors: Array, radius: Array
) -> Footing:
    """Find out how robots stand.

    Args:
        ground: What is below them.
        state: Where their bases are.
        heights: Their true height maps, (N, cells) [m].
        sensors: Of the last physics step, (N, F * FOOT_SENSORS + 1).
        radius: Of the feet, (F,) [m].
    """
    felt = sensors[:, : len(radius) * FOOT_SENSORS].reshape(
        len(sensors), len(radius), FOOT_SENSORS
    )
    position, velocity, force = felt[..., :3], felt[..., 3:6], felt[..., 6]
    return Footing(
        base_height=ground.base_height(state, heights),
        foot_contact=force > CONTACT_N,
        foot_height=ground.foot_height(position, radius),
        foot_speed=np.linalg.norm(velocity[..., :2], axis=-1),
        trunk_contact=sensors[:, -1] > CONTACT_N,
    )
