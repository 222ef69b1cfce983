"""A batch in one world: every robot has the body, contacts and lag that the stand-in has there.

Pushes and the errors of the sensors stay those of the recipe.
"""

from __future__ import annotations

from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.robot import Robot
from simdist_ros.sim.grip import Grip
from simdist_ros.sim.scenes.world import World
from simdist_ros.sim.world_fit import joint_changes

__all__ = ['CommandLag', 'parameters_in', 'put_into_world']

Array = NDArray[np.floating[Any]]


def refuse_own_ground(world: World) -> None:
    """Refuse a world whose ground a batch does not have.

    Raises:
        ConfigError: It has a slope, bumps or patches.
    """
    if world.terrain != 'flat' or world.patch_share:
        raise ConfigError(
            f'world {world.name!r}: a batch has level ground without patches in a world; take '
            'terrain and patch_share out'
        )


def put_into_world(robot: Robot, model: mujoco.MjModel, world: World) -> None:
    """Give a model the contacts of a world; its payload is a body that the model has already."""
    ground = model.geom('ground')
    ground.friction[0] = world.friction
    ground.solref[:] = world.contact_time_s, world.contact_damping
    Grip(model, robot, world)


def parameters_in(world: World, robot: Robot) -> dict[str, Array]:
    """Return what `draw_parameters` and `draw_faults` would draw for a robot of this world.

    Returns:
        Each of their numbers, (its size,).

    Raises:
        ConfigError: A batch does not have its ground, or the robot not its joints.
    """
    refuse_own_ground(world)
    own = joint_changes(robot, world)
    return {
        'friction': np.array([world.friction]),
        'payload_kg': np.zeros(1),  # the model has it
        'shift_m': np.zeros(3),
        'kp_scale': np.array([world.kp_scale]),
        'kd_scale': np.array([world.kd_scale]),
        'strength': np.array([world.motor_strength]),
        'joint_friction_nm': np.array([world.joint_friction_nm]),
        'up': np.array([0.0, 0.0, 1.0]),
        'bump_height_m': np.zeros(1),
        'joint_strength': own['strength'],
        'joint_kp_scale': own['kp_scale'],
        'joint_kd_scale': own['kd_scale'],
        'joint_added_friction_nm': own['friction_nm'],
        'joint_zero_offset_rad': own['zero_offset_rad'],
        'foot_friction': np.zeros(1),  # the model has it
        'lag_steps': np.zeros(1),  # beyond that of the world
        'fault_payload_kg': np.zeros(1),
        'fault_payload_at_m': np.zeros(2),
    }


class CommandLag:
    """What N robots were told, and when the joints get it: some physics steps later."""

    def __init__(
        self, lag_steps: int, num_substeps: int, num_robots: int, joints: int, most: int = 0
    ) -> None:
        """Begin with nothing told.

        Args:
            lag_steps: Physics steps from a command to its effect.
            num_substeps: Physics steps in a control step.
            num_robots: N.
            joints: Of each.
            most: Control steps by which a robot of its own may be later than that.
        """
        late = np.maximum(0, lag_steps - np.arange(num_substeps))
        self.age = -(-late // num_substeps)  # control steps, of what acts in each physics step
        oldest = int(self.age.max()) + most
        self.told = np.zeros((num_robots, oldest + 1, joints))  # the newest first

    @property
    def newest(self) -> Array:
        """What the robots were told last, (N, joints)."""
        return self.told[:, 0]

    def begin(self, index: NDArray[np.intp], target: Array) -> None:
        """Start episodes of some robots, which have been told the same for long."""
        self.told[index] = target[:, None]

    def spread(self, target: Array, later: Array) -> Array:
        """Return what acts in each physics step, (N, num_substeps, joints).

        Args:
            target: What the robots are told now, (N, joints).
            later: Control steps by which each is later than all, (N, 1).
        """
        self.told[:, 1:] = self.told[:, :-1].copy()
        self.told[:, 0] = target
        age = self.age + later.astype(np.intp)  # (N, num_substeps)
        acting: Array = self.told[np.arange(len(age))[:, None], age]
        return acting
