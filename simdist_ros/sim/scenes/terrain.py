"""The ground of a world: added to a model, then shaped and turned for each episode.

Level ground lies at height 0 around the origin, where a robot starts. Slopes and bumps begin ahead
of it, whatever its heading: the whole terrain turns with the start.
"""

from __future__ import annotations

import math

import mujoco
import numpy as np

from simdist_ros.sim.scenes.world import World

__all__ = ['GROUND_GROUP', 'add_ground', 'place_ground']

GROUND_GROUP = 1
FIELD = 'bumps'
GROUND = 'ground'

EXTENT_M = 60.0  # half-length of a slope and of the level ground before it
THICKNESS_M = 1.0
ROUGH_EXTENT_M = 15.0  # half-length of the field of bumps
BEYOND_BUMPS_M = 0.01  # how far the level ground beyond them lies lower


def add_ground(spec: mujoco.MjSpec, world: World) -> None:
    """Add the world's ground to a robot's model."""
    body = spec.worldbody.add_body(name=GROUND)
    add = {'flat': add_flat, 'slope': add_slope, 'rough': add_rough}[world.terrain]
    add(spec, body, world)
    for geom in body.geoms:
        geom.group = GROUND_GROUP
        geom.contype, geom.conaffinity = 1, 0
        geom.condim = 3
        geom.priority = 1  # its friction and compliance hold, not the robot's
        geom.friction[0] = world.friction
        geom.solref[:] = world.contact_time_s, world.contact_damping
        geom.material = GROUND


def add_flat(spec: mujoco.MjSpec, body: mujoco.MjsBody, world: World) -> None:
    """Add endless level ground."""
    body.add_geom(type=mujoco.mjtGeom.mjGEOM_PLANE, size=[0.0, 0.0, 1.0])


def add_slope(spec: mujoco.MjSpec, body: mujoco.MjsBody, world: World) -> None:
    """Add level ground that turns into a slope `level_start_m` ahead of the origin."""
    angle = math.radians(world.slope_deg)
    half = [EXTENT_M, EXTENT_M, THICKNESS_M]
    edge = np.array([world.level_start_m, 0.0, 0.0])
    along = np.array([math.cos(angle), 0.0, math.sin(angle)])
    normal = np.array([-math.sin(angle), 0.0, math.cos(angle)])
    box = mujoco.mjtGeom.mjGEOM_BOX
    body.add_geom(type=box, size=half, pos=edge - [EXTENT_M, 0.0, THICKNESS_M])
    body.add_geom(
        type=box,
        size=half,
        pos=edge + EXTENT_M * along - THICKNESS_M * normal,
        quat=[math.cos(angle / 2), 0.0, -math.sin(angle / 2), 0.0],
    )


def add_rough(spec: mujoco.MjSpec, body: mujoco.MjsBody, world: World) -> None:
    """Add a field of bumps, level until `place_ground`, and level ground beyond it."""
    points = 2 * round(ROUGH_EXTENT_M / world.rough_cell_m) + 1
    spec.add_hfield(
        name=FIELD,
        nrow=points,
        ncol=points,
        size=[ROUGH_EXTENT_M, ROUGH_EXTENT_M, max(world.rough_height_m, 1e-3), THICKNESS_M],
        userdata=np.zeros(points * points),
    )
    body.add_geom(type=mujoco.mjtGeom.mjGEOM_HFIELD, hfieldname=FIELD)
    body.add_geom(
        type=mujoco.mjtGeom.mjGEOM_PLANE, size=[0.0, 0.0, 1.0], pos=[0.0, 0.0, -BEYOND_BUMPS_M]
    )


def place_ground(
    model: mujoco.MjModel, world: World, heading_rad: float, rng: np.random.Generator
) -> None:
    """Turn the ground to the start's heading and draw its bumps, in place."""
    model.body(GROUND).quat[:] = [math.cos(heading_rad / 2), 0, 0, math.sin(heading_rad / 2)]
    if world.terrain != 'rough':
        return
    field = model.hfield(FIELD)
    points = field.nrow[0]
    at = np.linspace(-ROUGH_EXTENT_M, ROUGH_EXTENT_M, points)
    distance = np.hypot(at[:, None], at[None, :])  # (points, points)
    bumps = rng.uniform(size=(points, points))
    field.data[:] = np.where(distance > world.level_start_m, bumps, 0.0).reshape(field.data.shape)
