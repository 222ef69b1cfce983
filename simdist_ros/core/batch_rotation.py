"""Rotations of many bodies at once; quaternions are w, x, y, z."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ['FLAT', 'from_body', 'into_body']

Array = NDArray[np.floating[Any]]

FLAT = np.array([[0.0, 0.0, 1.0]])  # normal of level ground in the world


def from_body(quaternion: Array, vector: Array) -> Array:
    """Turn vectors of the bodies' frames, (N, 3), into the world, (N, 3); (N, 4) quaternions."""
    axis = quaternion[:, 1:]
    doubled = 2.0 * cross(axis, vector)
    turned: Array = vector + quaternion[:, :1] * doubled + cross(axis, doubled)
    return turned


def into_body(quaternion: Array, vector: Array) -> Array:
    """Turn vectors of the world, (N, 3), into the bodies' frames, (N, 3); (N, 4) quaternions."""
    axis = -quaternion[:, 1:]
    doubled = 2.0 * cross(axis, vector)
    turned: Array = vector + quaternion[:, :1] * doubled + cross(axis, doubled)
    return turned


def cross(a: Array, b: Array) -> Array:
    """Return the cross products, (N, 3); several times faster than ``np.cross``."""
    result = np.empty(np.broadcast_shapes(a.shape, b.shape))
    result[:, 0] = a[:, 1] * b[:, 2] - a[:, 2] * b[:, 1]
    result[:, 1] = a[:, 2] * b[:, 0] - a[:, 0] * b[:, 2]
    result[:, 2] = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    return result
