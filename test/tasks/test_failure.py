"""One rule says who has fallen."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from simdist_ros.core.rotation import projected_gravity
from simdist_ros.embodiment.robot import load_robot
from simdist_ros.tasks.falling import has_fallen

ROBOT = dataclasses.replace(load_robot('go2'), max_tilt_rad=0.8, fallen_height_m=0.15)
LEVEL = np.array([0.0, 0.0, -1.0])
HIGH = 0.3


def rolled(angle):
    """Return the direction of gravity for a base that is rolled by an angle [rad]."""
    return projected_gravity(np.array([np.cos(angle / 2), np.sin(angle / 2), 0.0, 0.0]))


@pytest.mark.parametrize(
    ('angle', 'fallen'), [(0.79, False), (0.81, True), (-0.81, True), (3.0, True)]
)
def test_a_base_tilted_beyond_the_limit_has_fallen(angle, fallen):
    assert has_fallen(ROBOT, rolled(angle), HIGH) == fallen


@pytest.mark.parametrize(('height', 'fallen'), [(0.151, False), (0.149, True), (-0.1, True)])
def test_a_base_that_is_too_low_has_fallen(height, fallen):
    assert has_fallen(ROBOT, LEVEL, height) == fallen


def test_an_unknown_height_is_a_fall_only_where_it_means_that_there_is_no_ground():
    assert not has_fallen(ROBOT, LEVEL, np.nan)
    assert has_fallen(ROBOT, LEVEL, np.nan, without_ground=True)
    assert not has_fallen(ROBOT, LEVEL, HIGH, without_ground=True)


def test_many_robots_are_told_apart():
    gravity = np.stack([LEVEL, rolled(1.0), LEVEL, LEVEL])
    height = np.array([HIGH, HIGH, 0.1, HIGH])
    trunk = np.array([False, False, False, True])
    found = has_fallen(ROBOT, gravity, height, trunk_contact=trunk)
    assert found.tolist() == [False, True, True, True]
