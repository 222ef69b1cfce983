"""A fault of one joint or of one leg, drawn for a share of the robots of a batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from simdist_ros.embodiment.robot import Robot
from simdist_ros.sim.batch.settings import Randomisation
from simdist_ros.sim.mjcf import BASE_BODY

__all__ = ['HEALTHY', 'draw_joint_faults', 'limbs_of']

Array = NDArray[np.floating[Any]]
Index = NDArray[np.intp]

HEALTHY = {
    'joint_strength': 1.0,
    'joint_kp_scale': 1.0,
    'joint_kd_scale': 1.0,
    'joint_added_friction_nm': 0.0,
    'joint_zero_offset_rad': 0.0,
}  # name: what a joint without a fault has of it
WHOLE_LIMB_SHARE = 0.5  # of the faults concern all joints of a limb, the others one joint


def limbs_of(robot: Robot, model: mujoco.MjModel) -> list[Index]:
    """Return the joints of each limb: those that hang on the base by one body."""
    roots = []
    for name in robot.joint_names:
        body = int(model.joint(name).bodyid[0])
        while model.body_parentid[body] not in (0, BASE_BODY):
            body = int(model.body_parentid[body])
        roots.append(body)
    return [np.flatnonzero(np.array(roots) == root) for root in dict.fromkeys(roots)]


def draw_joint_faults(
    r: Randomisation, limbs: Sequence[Index], n: int, rng: np.random.Generator
) -> dict[str, Array]:
    """Draw which joints of n robots have a fault, and how bad it is.

    A robot has one fault or none. It is of one kind, each kind that has a range equally often, and
    concerns one joint or one limb. Nothing is drawn where `fault_share` is 0.

    Args:
        r: The ranges.
        limbs: Joints of each limb.
        n: How many robots.
        rng: Randomness.

    Returns:
        Each of `HEALTHY`, (n, num_joints).
    """
    joints = sum(len(limb) for limb in limbs)
    drawn = {name: np.full((n, joints), value) for name, value in HEALTHY.items()}
    if not r.fault_share:
        return drawn
    kinds = fault_kinds(r, rng)
    names = list(kinds)
    for i in np.flatnonzero(rng.random(n) < r.fault_share):
        name = names[int(rng.integers(len(names)))]
        if rng.random() < WHOLE_LIMB_SHARE:
            where = limbs[int(rng.integers(len(limbs)))]
        else:
            where = rng.integers(joints, size=1)
        drawn[name][i, where] = kinds[name](len(where))
    return drawn


def fault_kinds(
    r: Randomisation, rng: np.random.Generator
) -> dict[str, Callable[[int], float | Array]]:
    """Return what draws each kind of fault that has a range, for a number of joints."""
    offset = r.fault_zero_offset_rad
    kinds: dict[str, tuple[bool, Callable[[int], float | Array]]] = {
        'joint_strength': (
            r.fault_strength_low < 1.0,
            lambda joints: rng.uniform(r.fault_strength_low, 1.0),
        ),
        'joint_kp_scale': (r.fault_kp_low < 1.0, lambda joints: rng.uniform(r.fault_kp_low, 1.0)),
        'joint_kd_scale': (r.fault_kd_low < 1.0, lambda joints: rng.uniform(r.fault_kd_low, 1.0)),
        'joint_added_friction_nm': (
            r.fault_friction_nm > 0.0,
            lambda joints: rng.uniform(0.0, r.fault_friction_nm),
        ),
        # Each joint of a limb has a zero of its own.
        'joint_zero_offset_rad': (
            offset > 0.0,
            lambda joints: rng.uniform(-offset, offset, joints),
        ),
    }
    return {name: draw for name, (has_range, draw) in kinds.items() if has_range}
