"""A block with a square hole, into which an arm brings a peg."""

from __future__ import annotations

import math
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

__all__ = ['FIXTURE', 'HOLE_DEPTH_M', 'add_fixture', 'place_fixture']

Array = NDArray[np.floating[Any]]

FIXTURE = 'fixture'
GEOM_GROUP = 1
PEG_M = 0.016  # side of the peg
CLEARANCE_M = 0.0005  # by which the hole is wider
HOLE_DEPTH_M = 0.03
BLOCK_HALF_M = 0.03  # side of the block
BLOCK_HEIGHT_M = 0.1
FRICTION = 0.3  # sliding
CONTACT_TIME_S = 0.01  # two and a half physics steps; a peg pushed with 50 N sinks in by 0.1 mm
CONTACT_DAMPING = 1.0
IMPEDANCE = (0.95, 0.99, 0.0005, 0.5, 2.0)
COLOUR = (0.36, 0.42, 0.50, 1.0)
FLOOR_COLOUR = (0.16, 0.18, 0.22, 1.0)


def add_fixture(spec: mujoco.MjSpec, friction: float = FRICTION) -> None:
    """Add the block; the origin of its body is in the middle of the hole's rim, z points out."""
    body = spec.worldbody.add_body(name=FIXTURE)
    inner = 0.5 * (PEG_M + CLEARANCE_M)
    wall, half_height = 0.5 * (BLOCK_HALF_M - inner), 0.5 * BLOCK_HEIGHT_M
    for sign in (-1.0, 1.0):
        at = sign * (inner + wall)
        add_box(body, [at, 0.0, -half_height], [wall, BLOCK_HALF_M, half_height], COLOUR, friction)
        add_box(body, [0.0, at, -half_height], [inner, wall, half_height], COLOUR, friction)
    below = 0.5 * (BLOCK_HEIGHT_M - HOLE_DEPTH_M)
    add_box(body, [0.0, 0.0, -HOLE_DEPTH_M - below], [inner, inner, below], FLOOR_COLOUR, friction)


def add_box(
    body: Any, at: list[float], half: list[float], colour: tuple[float, ...], friction: float
) -> None:
    """Add one box of the block."""
    geom = body.add_geom(type=mujoco.mjtGeom.mjGEOM_BOX, pos=at, size=half, rgba=colour)
    geom.name = f'{FIXTURE}_{len(body.geoms)}'
    geom.group = GEOM_GROUP
    geom.contype, geom.conaffinity, geom.condim, geom.priority = 1, 0, 3, 1
    geom.friction[0] = friction
    geom.solref[:] = CONTACT_TIME_S, CONTACT_DAMPING
    geom.solimp[:] = IMPEDANCE


def place_fixture(model: mujoco.MjModel, pose: Array) -> None:
    """Put the block at x, y, z [m] and yaw [rad] of its hole, (4,), in the frame of the base."""
    body = model.body(FIXTURE)
    body.pos[:] = pose[:3]
    body.quat[:] = [math.cos(0.5 * pose[3]), 0.0, 0.0, math.sin(0.5 * pose[3])]
