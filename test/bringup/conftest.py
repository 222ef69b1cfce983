from __future__ import annotations

from dataclasses import replace

import pytest

from simdist_ros.core.robot import HeightMap, Joint, Robot


@pytest.fixture(scope='session')
def small_robot() -> Robot:
    """Two joints, a gait of five ticks, and a height map of which the middle cell counts."""
    return Robot(
        name='two_joints',
        phase_period_s=0.1,
        joints=tuple(replace(Joint(), name=name) for name in ('left', 'right')),
        height_map=HeightMap(columns=3, rows=1, first_x_m=-0.1, first_y_m=0.0),
    )
