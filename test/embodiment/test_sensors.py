"""Which sensors a robot has, and that it observes nothing beyond them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.height_map import HeightMap
from simdist_ros.embodiment.observation_terms import proprio_obs_dim
from simdist_ros.embodiment.robot import Joint, Robot
from simdist_ros.embodiment.sensors import measured, sensors_of

ROBOT = Robot(name='one', joints=(replace(Joint(), name='hinge'),))


def test_a_free_base_has_an_imu_and_odometry_and_a_grid_is_a_map():
    assert sensors_of(ROBOT) == ('joints', 'imu', 'odom')
    assert sensors_of(replace(ROBOT, height_map=HeightMap())) == (
        'joints',
        'imu',
        'odom',
        'height_map',
    )


def test_a_fixed_base_measures_its_joints_alone():
    arm = replace(ROBOT, base='fixed')
    assert sensors_of(arm) == ('joints',)
    assert measured(arm) == ('joint_pos', 'joint_vel')


@pytest.mark.parametrize('term', ['base_lin_vel', 'base_ang_vel', 'projected_gravity'])
def test_what_the_base_does_is_not_observed_where_it_is_fixed(term):
    assert proprio_obs_dim(replace(ROBOT, proprio_obs=(term,))) == 3
    with pytest.raises(ConfigError) as error:
        proprio_obs_dim(replace(ROBOT, base='fixed', proprio_obs=('joint_pos', term)))
    topic = 'odom' if term == 'base_lin_vel' else 'imu/data'
    assert str(error.value) == (
        f"proprio_obs of robot 'one' names {term!r}, which comes of {topic}, but its base is "
        'fixed; leave it out'
    )
