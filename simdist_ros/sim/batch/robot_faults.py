"""Faults of joints, feet, load and lag, drawn for a share of the robots of a batch."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from simdist_ros.embodiment.robot import Robot
from simdist_ros.sim.batch.settings import Randomisation
from simdist_ros.sim.mjcf import BASE_BODY

__all__ = ['HEALTHY', 'draw_faults', 'fault_sizes', 'limbs_of']

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
ALL_JOINTS_SHARE = 0.5  # of the wide faults concern all joints, the others joints of one place
WORST_OF_MANY = 0.88  # share of its range that a wide fault has: many joints have it at once
LIMB = 4.0  # joints, beyond which zeros are less wrong: together they bend the whole body
MOST_FEET = 2  # that slip at once
SLIPPERY = 0.3  # largest friction of a foot that slips


def limbs_of(robot: Robot, model: mujoco.MjModel) -> list[Index]:
    """Return the joints of each limb: those that hang on the base by one body."""
    roots = []
    for name in robot.joint_names:
        body = int(model.joint(name).bodyid[0])
        while model.body_parentid[body] not in (0, BASE_BODY):
            body = int(model.body_parentid[body])
        roots.append(body)
    return [np.flatnonzero(np.array(roots) == root) for root in dict.fromkeys(roots)]


def fault_sizes(num_joints: int, num_feet: int) -> dict[str, int]:
    """Return how many numbers a robot has of each fault."""
    of_robot = {'foot_friction': num_feet, 'lag_steps': 1}
    of_load = {'fault_payload_kg': 1, 'fault_payload_at_m': 2}
    return {**dict.fromkeys(HEALTHY, num_joints), **of_robot, **of_load}


def draw_faults(
    r: Randomisation, limbs: Sequence[Index], num_feet: int, n: int, rng: np.random.Generator
) -> dict[str, Array]:
    """Draw which of n robots have a fault, what it is and how bad.

    A robot has one fault or none. It is of one kind, each kind that has a range equally often,
    those of `fault_often` twice as often.
    Where it is one of joints, it concerns one joint, one limb or, in the share of them that
    `fault_wide_share` says, many. Nothing is drawn where `fault_share` is 0.

    Args:
        r: The ranges.
        limbs: Joints of each limb.
        num_feet: Feet of a robot.
        n: How many robots.
        rng: Randomness.

    Returns:
        Each of `fault_sizes`, (n, its size). A foot's friction of 0 is that of the ground.
    """
    joints = sum(len(limb) for limb in limbs)
    sizes = fault_sizes(joints, num_feet)
    drawn = {name: np.full((n, size), HEALTHY.get(name, 0.0)) for name, size in sizes.items()}
    if not r.fault_share:
        return drawn
    of_joints, of_robot = joint_kinds(r, rng), robot_kinds(r, num_feet, rng)
    names = [*of_joints, *of_robot]
    names += [name for name in names if name in r.fault_often]
    for i in np.flatnonzero(rng.random(n) < r.fault_share):
        name = names[int(rng.integers(len(names)))]
        if name in of_robot:
            for part, value in of_robot[name]().items():
                drawn[part][i] = value
            continue
        where, worst = faulty_joints(r, limbs, rng)
        drawn[name][i, where] = of_joints[name](len(where), worst)
    return drawn


def faulty_joints(
    r: Randomisation, limbs: Sequence[Index], rng: np.random.Generator
) -> tuple[Index, float]:
    """Draw the joints that a fault concerns, and the share of its range that it may have."""
    if r.fault_wide_share and rng.random() < r.fault_wide_share:
        if rng.random() < ALL_JOINTS_SHARE:
            return np.concatenate(limbs), WORST_OF_MANY
        place = int(rng.integers(max(len(limb) for limb in limbs)))
        alike = np.array([limb[place] for limb in limbs if len(limb) > place])
        count = int(rng.integers(min(2, len(alike)), len(alike) + 1))
        return rng.permutation(alike)[:count], WORST_OF_MANY
    if rng.random() < WHOLE_LIMB_SHARE:
        return limbs[int(rng.integers(len(limbs)))], 1.0
    return rng.integers(sum(len(limb) for limb in limbs), size=1), 1.0


def severe(healthy: float, worst: float, share: float) -> float:
    """Return the value at a share of the way from healthy to worst."""
    return worst if share == 1.0 else healthy + share * (worst - healthy)


def joint_kinds(
    r: Randomisation, rng: np.random.Generator
) -> dict[str, Callable[[int, float], float | Array]]:
    """Return what draws each fault of joints that has a range.

    Each is told for how many joints, and which share of its range it may have.
    """

    def between(healthy: float, worst: float) -> Callable[[int, float], float | Array]:
        mild = severe(healthy, worst, r.fault_mildest)

        def draw(joints: int, share: float) -> float:
            most = severe(healthy, worst, share)
            return rng.uniform(min(most, mild), max(most, mild))

        return draw

    def zeros(joints: int, share: float) -> Array:
        """Draw a wrong zero of its own for each joint."""
        most = severe(0.0, r.fault_zero_offset_rad, share) * min(1.0, LIMB / joints)
        sign = rng.choice([-1.0, 1.0], joints)
        return sign * rng.uniform(min(most, r.fault_mildest * most), most, joints)

    worst = {
        'joint_strength': r.fault_strength_low,
        'joint_kp_scale': r.fault_kp_low,
        'joint_kd_scale': r.fault_kd_low,
        'joint_added_friction_nm': r.fault_friction_nm,
    }
    kinds = {n: between(HEALTHY[n], value) for n, value in worst.items() if value != HEALTHY[n]}
    return {**kinds, 'joint_zero_offset_rad': zeros} if r.fault_zero_offset_rad else kinds


def robot_kinds(
    r: Randomisation, num_feet: int, rng: np.random.Generator
) -> dict[str, Callable[[], dict[str, Array]]]:
    """Return what draws each fault of feet, load and lag that has a range."""

    def slipping() -> dict[str, Array]:
        friction = np.zeros(num_feet)
        count = int(rng.integers(1, min(MOST_FEET, num_feet) + 1))
        low, high = r.fault_foot_friction_low, max(SLIPPERY, r.fault_foot_friction_low)
        value = math.exp(rng.uniform(math.log(low), math.log(high)))
        friction[rng.permutation(num_feet)[:count]] = value
        return {'foot_friction': friction}

    def loaded() -> dict[str, Array]:
        kg = rng.uniform(r.fault_mildest * r.fault_payload_kg, r.fault_payload_kg, 1)
        at = rng.uniform(-r.fault_payload_at_m, r.fault_payload_at_m, 2)
        return {'fault_payload_kg': kg, 'fault_payload_at_m': at}

    def late() -> dict[str, Array]:
        return {'lag_steps': rng.integers(1, r.fault_lag_steps + 1, 1).astype(float)}

    kinds = {
        'foot_friction': (num_feet > 0 and r.fault_foot_friction_low < 1.0, slipping),
        'payload': (r.fault_payload_kg > 0.0, loaded),
        'lag': (r.fault_lag_steps > 0, late),
    }
    return {name: draw for name, (has_range, draw) in kinds.items() if has_range}
