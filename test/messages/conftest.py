"""A small robot and a state of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from simdist_ros.embodiment.height_map import HeightMap
from simdist_ros.embodiment.observation import RobotState
from simdist_ros.embodiment.robot import Joint, Robot


@pytest.fixture
def robot() -> Robot:
    """Three joints and a height map of 3 x 2 cells, at 50 Hz."""
    return Robot(
        name='three_joints',
        joints=tuple(replace(Joint(), name=name) for name in ('hip', 'thigh', 'calf')),
        height_map=HeightMap(columns=3, rows=2),
    )


@pytest.fixture
def state() -> RobotState:
    """Every number is another one."""
    return RobotState(
        stamp_ns=1_700_000_000_020_000_000,
        joint_pos=np.array([0.1, 0.2, 0.3]),
        joint_vel=np.array([1.0, 2.0, 3.0]),
        orientation=np.array([0.5, -0.5, 0.5, -0.5]),
        angular_velocity=np.array([0.4, 0.5, 0.6]),
        linear_velocity=np.array([0.7, 0.8, 0.9]),
        height_map=np.array([0.30, 0.31, 0.32, 0.33, 0.34, np.nan]),
    )
