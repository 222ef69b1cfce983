"""What no sensor says of body and ground: the critic sees it, a robot never does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.core.rotation import UP, into_body
from simdist_ros.embodiment.robot import Robot
from simdist_ros.sim.batch.batch_observation import BatchState
from simdist_ros.sim.batch.footing import Footing

__all__ = ['privileged_obs']

Array = NDArray[np.floating[Any]]


def privileged_obs(
    robot: Robot, seen: BatchState, footing: Footing, parameters: Mapping[str, Array]
) -> NDArray[np.float32]:
    """Return the ground's normal, eight numbers of body and ground, and the feet, each scaled.

    Args:
        robot: Whose.
        seen: The state that is observed.
        footing: In that state.
        parameters: What is particular to each robot, as `draw_parameters` returns it.

    Returns:
        Numbers of order one, (N, 11 + 2 F); the mirror in `make_mirrors` follows their order.
    """
    p = parameters
    parts = (
        into_body(seen.orientation, UP),
        p['friction'],
        p['payload_kg'] / 3.0,
        10.0 * (p['kp_scale'] - 1.0),
        10.0 * (p['kd_scale'] - 1.0),
        p['strength'],
        20.0 * p['joint_friction_nm'],
        20.0 * p['bump_height_m'],
        10.0 * (footing.base_height[:, None] - robot.base_height_m),
        footing.foot_contact,
        np.clip(10.0 * footing.foot_height, -2.0, 2.0),
    )
    return np.concatenate(parts, axis=1, dtype=np.float32)
