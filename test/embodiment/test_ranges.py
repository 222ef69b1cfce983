"""A modality of another kind than a grid: distances along a few rays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.height_map import HeightMap
from simdist_ros.embodiment.mirror import mirror_of_extero
from simdist_ros.embodiment.observation import RobotState, extero_obs, extero_obs_dim
from simdist_ros.embodiment.plausibility import StateCheck
from simdist_ros.embodiment.ranges import Ranges
from simdist_ros.embodiment.robot import Joint, Robot
from simdist_ros.embodiment.sensor_noise import SensorNoise
from simdist_ros.embodiment.sensors import sensors_of

RAYS = Ranges(sites=('left', 'ahead', 'right'), mirrored=('right', 'ahead', 'left'), max_m=1.5)
ROBOT = Robot(name='one', base='fixed', joints=(replace(Joint(), name='hinge'),), ranges=RAYS)


def state_with(ranges, **others):
    """Return a state that sees so far."""
    return RobotState(
        stamp_ns=0, joint_pos=np.zeros(1), joint_vel=np.zeros(1), ranges=np.array(ranges), **others
    )


def test_distances_are_observed_as_they_are():
    assert extero_obs_dim(ROBOT) == 3
    np.testing.assert_array_equal(
        extero_obs(ROBOT, state_with([0.5, 1.0, 1.5])), np.float32([0.5, 1.0, 1.5])
    )


def test_beside_a_grid_each_modality_has_its_place():
    both = replace(ROBOT, height_map=HeightMap(columns=2, rows=1, offset_m=0.3, first_y_m=0.0))
    assert sensors_of(both) == ('joints', 'height_map', 'ranges')
    seen = extero_obs(both, state_with([0.5, 1.0, 1.5], height_map=np.array([0.3, 0.4])))
    np.testing.assert_allclose(seen, [0.0, 0.1, 0.5, 1.0, 1.5], atol=1e-6)
    image = mirror_of_extero(both)(torch.tensor(seen))
    np.testing.assert_allclose(image, [0.0, 0.1, 1.5, 1.0, 0.5], atol=1e-6)


def test_what_meets_nothing_is_as_far_as_the_sensor_sees():
    told = RAYS.measured(np.array([-1.0, np.inf, 0.7]))
    np.testing.assert_array_equal(told, [1.5, 1.5, 0.7])


def test_noise_is_within_its_setting_and_no_farther_than_the_sensor_sees():
    noise = SensorNoise(ranges=0.1)
    far = np.tile(np.float32([0.5, 1.0, 1.5]), (500, 1))
    seen = RAYS.observed(far, noise, np.random.default_rng(0))
    error = seen - far
    assert 0.09 < np.abs(error).max() <= 0.1 + 1e-6
    assert seen.max() == 1.5
    np.testing.assert_array_equal(RAYS.observed(far), far)


def test_a_distance_of_nan_or_below_zero_is_no_reading():
    assert not StateCheck(ROBOT).check(state_with([0.5, 1.0, 1.5]))
    for wrong in (np.nan, -0.1, 1.6):
        (found,) = StateCheck(ROBOT).check(state_with([0.5, wrong, 1.5]))
        assert found.what == 'scan: range of ahead'


def test_a_reading_of_another_size_is_refused():
    with pytest.raises(ConfigError, match="ranges has 2 numbers; robot 'one' takes 3"):
        extero_obs(ROBOT, state_with([0.5, 1.0]))


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        ({}, 'sites is empty; name at least one site'),
        ({'sites': ('a', 'b'), 'mirrored': ('a', 'c')}, 'it must name each of sites, a, b, once'),
    ],
)
def test_rays_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        Ranges(**settings)
