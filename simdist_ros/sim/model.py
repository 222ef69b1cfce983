"""A robot in a world as one MuJoCo model."""

from __future__ import annotations

import mujoco
import numpy as np

from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.robot import Robot
from simdist_ros.sim.mjcf import read_mjcf
from simdist_ros.sim.motors import Motors
from simdist_ros.sim.range_finders import add_range_finders
from simdist_ros.sim.scenes.fixture import add_fixture
from simdist_ros.sim.scenes.scenery import add_scenery
from simdist_ros.sim.scenes.terrain import add_ground
from simdist_ros.sim.scenes.world import World
from simdist_ros.sim.wrist import add_wrench_sensor
from simdist_ros.tasks.choice import task_of

__all__ = ['add_payload', 'build_model', 'physics_steps', 'steps_per_period']

PAYLOAD_HALF_M = (0.10, 0.06, 0.04)
PAYLOAD_AT_M = (0.0, 0.0, 0.22)  # its centre, from the origin of the base; top-heavy
POST_RADIUS_M = 0.008


def build_model(robot: Robot, world: World) -> mujoco.MjModel:
    """Put a robot into a world.

    Raises:
        ConfigError: The robot's MJCF is missing, damaged, or does not fit its description.
    """
    spec = read_mjcf(robot)
    try:
        add_scenery(spec)
        add_ground(spec, world)
        add_wrench_sensor(robot, spec)
        add_range_finders(robot, spec)
        if task_of(robot).has_fixture:
            add_fixture(spec, world.hole_friction)
        if world.payload_kg:
            add_payload(robot, spec, world)
        model = spec.compile()
    except (ValueError, OSError) as error:
        raise ConfigError(f'{robot.mjcf_path}: {" ".join(str(error).split())}') from None
    Motors(model, robot, world).engage()
    return model


def add_payload(robot: Robot, spec: mujoco.MjSpec, world: World) -> None:
    """Fix a box to the base, or to the tool of a robot whose base is fixed."""
    if robot.carries_at_tool:
        site = spec.site(robot.tool)
        carrier, start, reach = site.parent, np.array(site.pos), (0.0, 0.0, 0.0)
    else:
        carrier, start, reach = spec.worldbody.first_body(), np.zeros(3), PAYLOAD_AT_M
    half = 0.5 * np.array(
        world.payload_at_m or reach
    )  # the body lies where its post has its middle
    mass = world.payload_kg
    x, y, z = 2.0 * np.array(PAYLOAD_HALF_M)
    inertia = mass / 12.0 * np.array([y * y + z * z, x * x + z * z, x * x + y * y])
    body = carrier.add_body(
        name='payload',
        pos=start + half,
        ipos=half,
        mass=mass,
        inertia=inertia,
        explicitinertial=True,
    )
    seen = {'contype': 0, 'conaffinity': 0, 'group': 2, 'material': 'payload'}
    body.add_geom(type=mujoco.mjtGeom.mjGEOM_BOX, size=PAYLOAD_HALF_M, pos=half, **seen)
    if half.any():
        ends, size = [*-half, *half], [POST_RADIUS_M, 0.0, 0.0]
        body.add_geom(type=mujoco.mjtGeom.mjGEOM_CAPSULE, fromto=ends, size=size, **seen)


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
