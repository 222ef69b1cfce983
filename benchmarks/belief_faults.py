"""The faults of `beliefs`: of legs, joints and sizes that no list in training names."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.embodiment.robot import Robot
from simdist_ros.pretraining.recipe import Recipe
from simdist_ros.sim.batch.robot_faults import HEALTHY, fault_sizes

Array = NDArray[np.floating[Any]]

# name: what draws faults in a batch, whom it concerns (part of the names of joints or feet), value
NOTHING = 'nothing'
FAULTS: dict[str, tuple[str, tuple[str, ...], float]] = {
    NOTHING: ('joint_strength', (), 1.0),
    'torque of the front left leg 0.1': ('joint_strength', ('FL',), 0.1),
    'torque of the rear left leg 0.1': ('joint_strength', ('RL',), 0.1),
    'torque of all motors 0.2': ('joint_strength', ('',), 0.2),
    'zero of the front right hip -0.5 rad': ('joint_zero_offset_rad', ('FR_hip',), -0.5),
    'zeros of both left hips 0.3 rad': ('joint_zero_offset_rad', ('FL_hip', 'RL_hip'), 0.3),
    'zeros of the rear left leg 0.3 rad each': ('joint_zero_offset_rad', ('RL',), 0.3),
    'position gains of all joints 0.4': ('joint_kp_scale', ('',), 0.4),
    'position gains of the rear left leg 0.15': ('joint_kp_scale', ('RL',), 0.15),
    'lag of three ticks': ('lag_steps', (), 3.0),
    'friction of the left feet 0.03': ('foot_friction', ('FL', 'RL'), 0.03),
    '10 kg, 0.15 m right of the middle': ('fault_payload_kg', (), 10.0),
    'friction of all joints 4 N m': ('joint_added_friction_nm', ('',), 4.0),
}
PAYLOAD_AT_M = (0.0, -0.15)  # ahead and to the left, of that load


def fault_parameters(robot: Robot, recipe: Recipe, name: str) -> dict[str, Array]:
    """Return one of `FAULTS` as what `draw_faults` draws, (its size,) each."""
    feet = list(recipe.feet)
    sizes = fault_sizes(robot.num_joints, len(feet))
    values = {part: np.full(size, HEALTHY.get(part, 0.0)) for part, size in sizes.items()}
    kind, where, value = FAULTS[name]
    parts = feet if kind == 'foot_friction' else list(robot.joint_names)
    if not where and name != NOTHING:
        values[kind][:] = value
    for i, part in enumerate(parts):
        if any(part.startswith(start) for start in where):
            values[kind][i] = value
    if kind == 'fault_payload_kg':
        values['fault_payload_at_m'][:] = PAYLOAD_AT_M
    return values
