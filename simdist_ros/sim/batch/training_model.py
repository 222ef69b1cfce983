"""A robot's MuJoCo model for training: nothing to see, feet that feel, fast contacts."""

from __future__ import annotations

from collections.abc import Sequence

import mujoco
import numpy as np

from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.robot import Robot
from simdist_ros.sim.batch.bumps import EXTENT_M, NODES
from simdist_ros.sim.batch.fixed_world import put_into_world
from simdist_ros.sim.mjcf import read_mjcf
from simdist_ros.sim.model import add_payload
from simdist_ros.sim.range_finders import add_range_finders
from simdist_ros.sim.scenes.fixture import add_fixture
from simdist_ros.sim.scenes.world import World
from simdist_ros.sim.wrist import add_wrench_sensor
from simdist_ros.tasks.choice import task_of

__all__ = ['FOOT_SENSORS', 'build_training_model']

FOOT_SENSORS = 7  # numbers of a foot: position, velocity, normal force
THICKNESS_M = 1.0
EVERYWHERE_M = 10.0


def build_training_model(
    robot: Robot,
    feet: Sequence[str],
    bump_height_m: float | None,
    world: World | None = None,
) -> mujoco.MjModel:
    """Put a robot on an endless plane, or on a field of bumps that is level so far.

    Its sensors are `FOOT_SENSORS` numbers of each foot in the order of `feet`, those of the wrist
    and the distances along its rays if it has any, then the force on the trunk. Contacts are
    pyramidal with impratio 1: twice as fast as the faithful ones, and what is learned on them
    walks unchanged on those.

    Args:
        robot: The description.
        feet: Names of the foot geoms.
        bump_height_m: Height of the tallest bump; None for a plane.
        world: Whose payload it carries and whose contacts it has; None for neither.

    Raises:
        ConfigError: The MJCF is missing, damaged, or has other joints or feet.
    """
    spec = read_mjcf(robot)
    try:
        add_sensors(robot, spec, feet)
        if world is not None and world.payload_kg:
            add_payload(robot, spec, world)
        strip(spec)
        add_ground(spec, bump_height_m)
        if task_of(robot).has_fixture:
            add_fixture(spec)
        spec.option.cone = mujoco.mjtCone.mjCONE_PYRAMIDAL
        spec.option.impratio = 1.0
        spec.option.disableflags |= mujoco.mjtDisableBit.mjDSBL_AUTORESET
        model = spec.compile()
    except (ValueError, OSError) as error:
        raise ConfigError(f'{robot.mjcf_path}: {" ".join(str(error).split())}') from None
    if world is not None:
        put_into_world(robot, model, world)
    return model


def add_sensors(robot: Robot, spec: mujoco.MjSpec, feet: Sequence[str]) -> None:
    """Let each foot feel where it is, how fast it moves and how hard it presses."""
    geoms = {geom.name: geom for geom in spec.geoms}
    site = mujoco.mjtObj.mjOBJ_SITE
    kinds = mujoco.mjtSensor
    for foot in feet:
        if foot not in geoms:
            raise ConfigError(
                f'{robot.mjcf_path}: there is no geom {foot!r}, which the recipe calls a foot'
            )
        geom = geoms[foot]
        name = f'{foot}_touch'
        geom.parent.add_site(name=name, pos=geom.pos, size=[1.5 * geom.size[0], 0.0, 0.0])
        for kind in (kinds.mjSENS_FRAMEPOS, kinds.mjSENS_FRAMELINVEL, kinds.mjSENS_TOUCH):
            spec.add_sensor(name=f'{name}_{int(kind)}', type=kind, objtype=site, objname=name)
    add_wrench_sensor(robot, spec)
    add_range_finders(robot, spec)
    base = spec.worldbody.first_body()
    base.add_site(name='trunk_touch', size=[EVERYWHERE_M, 0.0, 0.0])
    spec.add_sensor(name='trunk', type=kinds.mjSENS_TOUCH, objtype=site, objname='trunk_touch')


def strip(spec: mujoco.MjSpec) -> None:
    """Remove what nothing can touch: it only costs time and memory."""
    for geom in list(spec.geoms):
        if not geom.contype and not geom.conaffinity:
            spec.delete(geom)


def add_ground(spec: mujoco.MjSpec, bump_height_m: float | None) -> None:
    """Add the ground as one geom, so that all models share one layout of the data."""
    ground = spec.worldbody.add_geom(name='ground', type=mujoco.mjtGeom.mjGEOM_PLANE)
    ground.size = [0.0, 0.0, 1.0]
    ground.contype, ground.conaffinity = 1, 0
    ground.condim, ground.priority = 3, 1
    if bump_height_m is None:
        return
    spec.add_hfield(
        name='bumps',
        nrow=NODES,
        ncol=NODES,
        size=[EXTENT_M, EXTENT_M, bump_height_m, THICKNESS_M],
        userdata=np.zeros(NODES * NODES),
    )
    ground.type = mujoco.mjtGeom.mjGEOM_HFIELD
    ground.hfieldname = 'bumps'
