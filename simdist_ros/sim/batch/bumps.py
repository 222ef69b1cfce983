"""Periodic rough ground: a square tile of bumps that repeats, looked up without rays.

MuJoCo's height field shows the tile and a rim of its repetitions. A robot leaving the tile is
wrapped by one period, feet included, so that the ground around it stays the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ['CELL_M', 'EXTENT_M', 'NODES', 'PERIOD_M', 'draw_bumps', 'field_data', 'ground_height']

Array = NDArray[np.floating[Any]]
F32 = NDArray[np.float32]

CELL_M = 0.1
CELLS = 64  # of one period
RIM = 14  # cells shown beyond the square, more than a robot reaches
NODES = CELLS + 2 * RIM + 1
PERIOD_M = CELLS * CELL_M
EXTENT_M = 0.5 * PERIOD_M + RIM * CELL_M
BLOCKS = (1, 1, 2, 4)  # cells along the side of a bump; a robot's ground has one of these


def draw_bumps(seed: int) -> F32:
    """Draw the square, (CELLS, CELLS) of 0 to 1, row is y and column is x."""
    rng = np.random.default_rng(seed)
    block = BLOCKS[rng.integers(len(BLOCKS))]
    coarse = rng.random((CELLS // block, CELLS // block), dtype=np.float32)
    return np.kron(coarse, np.ones((block, block), dtype=np.float32))


def field_data(bumps: F32) -> F32:
    """Return what MuJoCo's height field shows, (NODES * NODES,), of one square."""
    index = np.arange(-RIM, CELLS + RIM + 1) % CELLS
    return bumps[np.ix_(index, index)].reshape(-1)


def ground_height(bumps: F32, x: Array, y: Array) -> Array:
    """Look up the ground as MuJoCo's triangles have it.

    Args:
        bumps: Squares of bump heights, (N, CELLS, CELLS) [m].
        x: Where, from the centre of the square, (N, ...) [m].
        y: As `x`.

    Returns:
        Height of the ground, (N, ...) [m].
    """
    gx, gy = x / CELL_M + CELLS / 2, y / CELL_M + CELLS / 2
    floor_x, floor_y = np.floor(gx), np.floor(gy)
    u, v = gx - floor_x, gy - floor_y
    column, row = floor_x.astype(np.intp) % CELLS, floor_y.astype(np.intp) % CELLS
    right, up = (column + 1) % CELLS, (row + 1) % CELLS
    first = CELLS * CELLS * np.arange(len(bumps)).reshape(-1, *[1] * (x.ndim - 1))
    flat = bumps.reshape(-1)
    low, high = first + CELLS * row, first + CELLS * up
    near, far = flat[low + column], flat[high + right]
    # Each cell is cut along the diagonal from its first to its last corner.
    corner = np.where(u >= v, flat[low + right], flat[high + column])
    big, small = np.maximum(u, v), np.minimum(u, v)
    height: Array = near + big * (corner - near) + small * (far - corner)
    return height
