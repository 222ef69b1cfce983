"""The little of rotations that is needed here, of one body or of many at once.

Quaternions are unit, w, x, y, z; any leading axes, which broadcast.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    'UP',
    'cross',
    'from_body',
    'into_body',
    'perturb',
    'projected_gravity',
    'rotation_vector',
    'tilt',
    'yaw',
]

Array = NDArray[np.floating[Any]]

UP = np.array([0.0, 0.0, 1.0])  # in the world; the normal of level ground


def projected_gravity(orientation: Array) -> Array:
    """Return the direction of gravity in the base frame, (..., 3); level is [0, 0, -1].

    Args:
        orientation: Of the base in the world, (..., 4).
    """
    w, x, y, z = (orientation[..., i] for i in range(4))
    gravity = np.empty((*orientation.shape[:-1], 3))
    gravity[..., 0] = 2.0 * (w * y - x * z)
    gravity[..., 1] = -2.0 * (w * x + y * z)
    gravity[..., 2] = 2.0 * (x * x + y * y) - 1.0
    return gravity


def tilt(gravity: Array) -> Array:
    """Return the angle between the base's vertical axis and gravity [rad], 0 .. pi, (...).

    Args:
        gravity: Its direction in the base frame, (..., 3), from `projected_gravity`.
    """
    angle: Array = np.arccos(np.clip(-gravity[..., 2], -1.0, 1.0))
    return angle


def yaw(quaternion: Array) -> float:
    """Return the heading of one body, (4,) [rad]."""
    w, x, y, z = quaternion.tolist()
    return math.atan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))


def from_body(quaternion: Array, vector: Array) -> Array:
    """Turn vectors of the bodies' frames, (..., 3), into the world, (..., 3)."""
    return turned(quaternion[..., :1], quaternion[..., 1:], vector)


def into_body(quaternion: Array, vector: Array) -> Array:
    """Turn vectors of the world, (..., 3), into the bodies' frames, (..., 3)."""
    return turned(quaternion[..., :1], -quaternion[..., 1:], vector)


def turned(w: Array, axis: Array, vector: Array) -> Array:
    """Turn vectors, (..., 3), by quaternions in two parts, (..., 1) and (..., 3)."""
    doubled = 2.0 * cross(axis, vector)
    result: Array = vector + w * doubled + cross(axis, doubled)
    return result


def cross(a: Array, b: Array) -> Array:
    """Return the cross products, (..., 3); several times faster than ``np.cross``."""
    result = np.empty(np.broadcast_shapes(a.shape, b.shape))
    result[..., 0] = a[..., 1] * b[..., 2] - a[..., 2] * b[..., 1]
    result[..., 1] = a[..., 2] * b[..., 0] - a[..., 0] * b[..., 2]
    result[..., 2] = a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    return result


def perturb(quaternion: Array, rotation: Array) -> Array:
    """Append a small rotation vector in the body's frame, (3,) [rad]; returns a unit (4,)."""
    w, v = quaternion[0], quaternion[1:]
    u = 0.5 * rotation
    appended = np.concatenate([[w - v @ u], w * u + v + cross(v, u)])
    unit: Array = appended / np.linalg.norm(appended)
    return unit


def rotation_vector(matrix: Array) -> Array:
    """Return axis times angle [rad] of rotations by less than half a turn, (..., 3).

    Args:
        matrix: Rotation matrices, (..., 3, 3).
    """
    pairs = ((2, 1), (0, 2), (1, 0))
    axis = 0.5 * np.stack([matrix[..., i, j] - matrix[..., j, i] for i, j in pairs], axis=-1)
    sin = np.linalg.norm(axis, axis=-1, keepdims=True)
    cos = 0.5 * (np.trace(matrix, axis1=-2, axis2=-1)[..., None] - 1.0)
    ratio = np.arctan2(sin, cos) / np.where(sin > 1e-9, sin, 1.0)
    vector: Array = axis * np.where(sin > 1e-9, ratio, 1.0)
    return vector
