"""The little of rotations that a simulation needs; quaternions are w, x, y, z."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ['into_body', 'perturb', 'tilt']

Array = NDArray[np.floating[Any]]


def tilt(quaternion: Array) -> float:
    """Return the angle between the body's z axis and the vertical [rad]."""
    _, x, y, _ = quaternion.tolist()
    return math.acos(min(1.0, max(-1.0, 1.0 - 2.0 * (x * x + y * y))))


def into_body(quaternion: Array, vector: Array) -> Array:
    """Turn a vector of the world, (3,), into the body's frame, (3,)."""
    w, axis = quaternion[0], -quaternion[1:]
    doubled = 2.0 * np.cross(axis, vector)
    turned: Array = vector + w * doubled + np.cross(axis, doubled)
    return turned


def perturb(quaternion: Array, rotation: Array) -> Array:
    """Append a small rotation vector in the body's frame, (3,) [rad]; returns a unit (4,)."""
    w, v = quaternion[0], quaternion[1:]
    u = 0.5 * rotation
    turned = np.concatenate([[w - v @ u], w * u + v + np.cross(v, u)])
    unit: Array = turned / np.linalg.norm(turned)
    return unit
