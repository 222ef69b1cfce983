"""What differs between robots of a batch: drawn per episode, written into their models."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.robot import Robot
from simdist_ros.sim.batch.bumps import draw_bumps, field_data
from simdist_ros.sim.batch.robot_faults import fault_sizes, limbs_of
from simdist_ros.sim.batch.settings import BatchSettings
from simdist_ros.sim.batch.training_model import FOOT_SENSORS, build_training_model
from simdist_ros.sim.grip import prefer_geoms
from simdist_ros.sim.mjcf import BASE_BODY
from simdist_ros.sim.scenes.fixture import place_fixture
from simdist_ros.sim.scenes.world import World
from simdist_ros.sim.wrist import WRENCH_SIZE, mean_wrench
from simdist_ros.tasks.choice import task_of

__all__ = ['PARAMETERS', 'RobotModels', 'draw_parameters', 'joint_drives']

Array = NDArray[np.floating[Any]]

PARAMETERS = {
    'friction': 1,
    'payload_kg': 1,
    'shift_m': 3,
    'kp_scale': 1,
    'kd_scale': 1,
    'strength': 1,
    'joint_friction_nm': 1,
    'up': 3,
    'bump_height_m': 1,
    'bump_seed': 1,
}  # name: how many numbers a robot has of it
GRAVITY = 9.81
MAX_SEED = 2**31
GRIP_SHARE = 0.75  # of the friction that a slope may take; on a steeper one no robot stands
LEVEL_SHARE = 0.1  # of the robots that walk on level ground whatever their level


def draw_parameters(
    settings: BatchSettings, levels: Array, rough: NDArray[np.bool_], rng: np.random.Generator
) -> dict[str, Array]:
    """Draw what is particular to each of N robots.

    The first half of the levels steepens slopes, the second half raises bumps.

    Args:
        settings: The ranges.
        levels: How hard each one's ground may be, 0 to 1, (N,).
        rough: Who meets bumps, (N,).
        rng: Randomness.

    Returns:
        Each of `PARAMETERS`, (N, its size).
    """
    r = settings.randomisation
    n = len(levels)

    def uniform(low: float, high: float, size: int = 1) -> Array:
        return rng.uniform(low, high, (n, size))

    hard = levels[:, None] * (rng.random((n, 1)) > LEVEL_SHARE)
    steepest = math.radians(settings.terrain.slope_deg) * np.clip(2.0 * hard, 0.0, 1.0)
    # Steep ones more often: the gait of level ground fails there in ways of its own.
    slope = steepest * np.sqrt(uniform(0.0, 1.0)) * np.where(rough[:, None], 0.5, 1.0)
    friction = uniform(r.friction_low, r.friction_high)
    slope = np.minimum(slope, np.arctan(GRIP_SHARE * friction))
    towards = uniform(-math.pi, math.pi)
    tallest = settings.terrain.bump_height_m * np.clip(2.0 * hard - 1.0, 0.0, 1.0)
    return {
        'friction': friction,
        'payload_kg': uniform(r.payload_low_kg, r.payload_high_kg),
        'shift_m': uniform(-r.centre_of_mass_m, r.centre_of_mass_m, 3),
        'kp_scale': uniform(1.0 - r.gain_spread, 1.0 + r.gain_spread),
        'kd_scale': uniform(1.0 - r.gain_spread, 1.0 + r.gain_spread),
        'strength': uniform(r.strength_low, 1.0),
        'joint_friction_nm': uniform(0.0, r.joint_friction_nm),
        'up': np.concatenate(
            [np.sin(slope) * np.cos(towards), np.sin(slope) * np.sin(towards), np.cos(slope)], 1
        ),
        'bump_height_m': np.where(rough[:, None], tallest * uniform(0.3, 1.0), 0.0),
        'bump_seed': rng.integers(MAX_SEED, size=(n, 1)).astype(float),
    }


def carrier(robot: Robot, model: mujoco.MjModel) -> int:
    """Return the body to which a payload is fixed: the base, or the tool's where that is fixed."""
    return int(model.site(robot.tool).bodyid[0]) if robot.carries_at_tool else BASE_BODY


def joint_drives(robot: Robot, parameters: Mapping[str, Array]) -> tuple[Array, Array, Array]:
    """Return position gains, velocity gains and torque limits of the joints of one or N robots.

    Args:
        robot: Whose.
        parameters: (its size,) or (N, its size) of each.
    """
    p = parameters
    return (
        p['kp_scale'] * p['joint_kp_scale'] * robot.per_joint('kp'),
        p['kd_scale'] * p['joint_kd_scale'] * robot.per_joint('kd'),
        p['strength'] * p['joint_strength'] * robot.per_joint('max_torque'),
    )


class RobotModels:
    """One MuJoCo model for each robot: on a plane, or on bumps where it has any."""

    def __init__(
        self, robot: Robot, settings: BatchSettings, num_robots: int, world: World | None = None
    ) -> None:
        """Build one model of each kind and copy them.

        Raises:
            ConfigError: MJCF, description and settings do not fit each other.
        """
        feet = list(settings.feet)
        self.robot, self.tallest_m = robot, settings.terrain.bump_height_m
        self.payload_height_m = settings.randomisation.payload_height_m
        self.plane = build_training_model(robot, feet, None, world)
        self.field = build_training_model(robot, feet, self.tallest_m, world)
        self.carrier = carrier(robot, self.plane)
        base_kg, least = self.plane.body_mass[self.carrier], settings.randomisation.payload_low_kg
        if base_kg + least <= 0.0:
            raise ConfigError(
                f'{robot.source}: payload_low_kg of its recipe is {least:g}, which leaves nothing '
                f'of the {base_kg:.3g} kg of body {self.plane.body(self.carrier).name!r}'
            )
        self.data = mujoco.MjData(self.plane)
        joints = [self.plane.joint(name) for name in robot.joint_names]
        self.qpos = np.array([joint.qposadr[0] for joint in joints])
        self.qvel = np.array([joint.dofadr[0] for joint in joints])
        driven = [self.plane.joint(i).name for i in self.plane.actuator_trnid[:, 0]]
        self.actuators = robot.order(driven)
        self.limbs = limbs_of(robot, self.plane)
        self.feet = np.array([self.plane.geom(name).id for name in feet], dtype=np.intp)
        self.has_fixture = task_of(robot).has_fixture
        self.sizes = {**PARAMETERS, **fault_sizes(robot.num_joints, len(feet))}
        self.on_plane = [copy.copy(self.plane) for _ in range(num_robots)]
        self.on_field: list[Any] = [None] * num_robots  # copied when first needed
        self.models: list[Any] = list(self.on_plane)

    def apply(
        self, index: int, parameters: dict[str, Array], command: Array
    ) -> NDArray[np.float32] | None:
        """Give a robot its parameters, each (size,), and the fixture that its command is about.

        Returns:
            The bumps below it, (cells, cells) [m], or None on a plane.
        """
        height = float(parameters['bump_height_m'][0])
        bumps = None
        if height > 0.0:
            if self.on_field[index] is None:
                self.on_field[index] = copy.copy(self.field)
            model = self.on_field[index]
            unit = draw_bumps(int(parameters['bump_seed'][0]))
            model.hfield_data[:] = field_data(unit) * np.float32(height / self.tallest_m)
            bumps = unit * np.float32(height)
        else:
            model = self.on_plane[index]
        self.models[index] = model
        self.write(model, parameters)
        if self.has_fixture:
            place_fixture(model, command)
        return bumps

    def felt(self, sensors: Array) -> Array:
        """Return what the wrists felt, (N, 6), given all physics steps, (N, steps, sensors)."""
        at = FOOT_SENSORS * len(self.feet)
        return mean_wrench(sensors[:, :, at : at + WRENCH_SIZE * bool(self.robot.wrench)])

    def write(self, model: mujoco.MjModel, parameters: dict[str, Array]) -> None:
        """Write all but the bumps into a model."""
        p = {name: value[0] if len(value) == 1 else value for name, value in parameters.items()}
        model.geom('ground').friction[0] = p['friction']
        model.opt.gravity[:] = -GRAVITY * p['up']
        friction = p['joint_friction_nm'] + p['joint_added_friction_nm']
        model.dof_frictionloss[self.qvel] = friction
        kp, kd, limit = joint_drives(self.robot, p)
        model.actuator_gainprm[self.actuators, 0] = kp
        model.actuator_biasprm[self.actuators, 1] = -kp
        model.actuator_biasprm[self.actuators, 2] = -kd
        model.actuator_forcelimited[self.actuators] = 1
        model.actuator_forcerange[self.actuators] = np.stack([-limit, limit], axis=-1)
        body, plane = self.carrier, self.plane
        mass, extra = plane.body_mass[body], p['fault_payload_kg']
        model.body_mass[body] = mass + p['payload_kg'] + extra
        model.body_inertia[body] = plane.body_inertia[body] * model.body_mass[body] / mass
        model.body_ipos[body] = plane.body_ipos[body] + p['shift_m']
        added = max(0.0, p['payload_kg'] + extra)
        model.body_ipos[body, :2] += p['fault_payload_at_m'] * extra / model.body_mass[body]
        model.body_ipos[body, 2] += self.payload_height_m * added / model.body_mass[body]
        self.grip(model, parameters['foot_friction'])
        mujoco.mj_setConst(model, self.data)

    def grip(self, model: mujoco.MjModel, friction: Array) -> None:
        """Give the feet that slip their friction, (F,); that of the others is the ground's."""
        slips = friction > 0.0
        model.geom_priority[self.feet] = self.plane.geom_priority[self.feet]
        prefer_geoms(model, list(self.feet[slips]), model.geom('ground').id)
        model.geom_friction[self.feet[slips], 0] = friction[slips]
