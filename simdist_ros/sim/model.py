"""A robot in a world as one MuJoCo model."""

from __future__ import annotations

import mujoco
import numpy as np

from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.robot import Robot
from simdist_ros.sim.mjcf import read_mjcf
from simdist_ros.sim.motors import Motors
from simdist_ros.sim.scenes.scenery import add_scenery
from simdist_ros.sim.scenes.terrain import add_ground
from simdist_ros.sim.scenes.world import World

__all__ = ['build_model', 'physics_steps', 'steps_per_period']

PAYLOAD_HALF_M = (0.10, 0.06, 0.04)
PAYLOAD_AT_M = (0.0, 0.0, 0.11)
PAYLOAD_CENTRE_M = (0.0, 0.0, 0.11)  # of mass, from the middle of the box; top-heavy


def build_model(robot: Robot, world: World) -> mujoco.MjModel:
    """Put a robot into a world.

    Raises:
        ConfigError: The robot's MJCF is missing, damaged, or does not fit its description.
    """
    spec = read_mjcf(robot)
    try:
        add_scenery(spec)
        add_ground(spec, world)
        if world.payload_kg:
            add_payload(robot, spec, world.payload_kg)
        model = spec.compile()
    except (ValueError, OSError) as error:
        raise ConfigError(f'{robot.mjcf_path}: {" ".join(str(error).split())}') from None
    Motors(model, robot, world).engage()
    return model


def add_payload(robot: Robot, spec: mujoco.MjSpec, mass_kg: float) -> None:
    """Fix a box on top of the base, or to the tool of a robot whose base is fixed."""
    if robot.carries_at_tool:
        site = spec.site(robot.tool)
        carrier, at, centre = site.parent, tuple(site.pos), (0.0, 0.0, 0.0)
    else:
        carrier, at, centre = spec.worldbody.first_body(), PAYLOAD_AT_M, PAYLOAD_CENTRE_M
    x, y, z = 2.0 * np.array(PAYLOAD_HALF_M)
    inertia = mass_kg / 12.0 * np.array([y * y + z * z, x * x + z * z, x * x + y * y])
    body = carrier.add_body(
        name='payload', pos=at, ipos=centre, mass=mass_kg, inertia=inertia, explicitinertial=True
    )
    body.add_geom(
        type=mujoco.mjtGeom.mjGEOM_BOX, size=PAYLOAD_HALF_M, contype=0, conaffinity=0, group=2
    ).material = 'payload'


def physics_steps(model: mujoco.MjModel, duration_s: float) -> int:
    """Return a duration as the nearest whole number of physics steps."""
    return round(duration_s / float(model.opt.timestep))


def steps_per_period(model: mujoco.MjModel, robot: Robot) -> int:
    """Return the number of physics steps in a control period.

    Raises:
        ConfigError: It is not a whole number.
    """
    steps = physics_steps(model, robot.period_s)
    if steps < 1 or abs(steps * model.opt.timestep - robot.period_s) > 1e-9:
        raise ConfigError(
            f'robot {robot.name!r}: a control period of {robot.period_s:g} s is no whole number '
            f'of physics steps of {model.opt.timestep:g} s; change control_rate_hz or the timestep'
        )
    return steps
