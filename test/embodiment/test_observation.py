from dataclasses import replace

import numpy as np
import pytest

from simdist_ros.core.errors import ConfigError
from simdist_ros.core.rotation import projected_gravity
from simdist_ros.embodiment.height_map import HeightMap
from simdist_ros.embodiment.observation import (
    RobotState,
    extero_obs,
    extero_obs_dim,
    proprio_obs,
)
from simdist_ros.embodiment.observation_terms import (
    JOINTS,
    TERMS,
    States,
    observed,
    proprio_noise,
    proprio_obs_dim,
    term_slice,
)
from simdist_ros.embodiment.robot import Joint, Robot, load_robot
from simdist_ros.embodiment.sensor_noise import SensorNoise

OF_ARMS = 'wrench', 'tool_from_goal'
ROBOT = Robot(
    name='duo',
    phase_period_s=0.5,
    proprio_obs=(
        'base_lin_vel',
        'base_ang_vel',
        'projected_gravity',
        'joint_pos',
        'joint_vel',
        'cos_sin_phase',
    ),
    joints=(Joint(name='hip', default=0.1), Joint(name='knee', default=-1.0)),
    height_map=HeightMap(columns=3, rows=2, offset_m=0.3, clip_m=1.0),
)

STATE = RobotState(
    stamp_ns=125_000_000,
    joint_pos=np.array([0.3, -0.5]),
    joint_vel=np.array([4.0, 5.0]),
    orientation=np.array([1.0, 0.0, 0.0, 0.0]),
    angular_velocity=np.array([0.1, 0.2, 0.3]),
    linear_velocity=np.array([1.0, 2.0, 3.0]),
    height_map=np.full(6, 0.3),
)

BATCHED = {
    'joint_pos',
    'joint_vel',
    'orientation',
    'angular_velocity',
    'linear_velocity',
}

HALF = np.sqrt(0.5)


@pytest.mark.parametrize(
    ('orientation', 'gravity'),
    [
        ([1, 0, 0, 0], [0, 0, -1]),  # level
        ([HALF, 0, 0, HALF], [0, 0, -1]),  # yaw does not show
        ([HALF, HALF, 0, 0], [0, -1, 0]),  # on its right side: gravity to the right
        ([HALF, 0, HALF, 0], [1, 0, 0]),  # nose down: gravity to the front
        ([0, 1, 0, 0], [0, 0, 1]),  # on its back
        ([np.cos(0.05), 0, np.sin(0.05), 0], [np.sin(0.1), 0, -np.cos(0.1)]),
        ([0.5, 0.5, 0.5, 0.5], [0, -1, 0]),  # two quarter turns: all products of the axes count
        ([0.5, 0.5, -0.5, 0.5], [-1, 0, 0]),
    ],
)
def test_projected_gravity_by_hand(orientation, gravity):
    np.testing.assert_allclose(projected_gravity(np.array(orientation)), gravity, atol=1e-12)


def test_projected_gravity_has_length_1_and_does_not_see_the_sign_of_the_quaternion():
    quaternions = np.random.default_rng(0).normal(size=(20, 4))
    for q in quaternions / np.linalg.norm(quaternions, axis=1, keepdims=True):
        np.testing.assert_allclose(np.linalg.norm(projected_gravity(q)), 1.0)
        np.testing.assert_allclose(projected_gravity(-q), projected_gravity(q))


@pytest.mark.parametrize(
    ('stamp_ns', 'phase'),
    [(0, [1, 0]), (125_000_000, [0, 1]), (250_000_000, [-1, 0]), (375_000_000, [0, -1])],
)
def test_the_phase_goes_round_once_a_period(stamp_ns, phase):
    clock = replace(ROBOT, proprio_obs=('cos_sin_phase',))
    seen = proprio_obs(clock, replace(STATE, stamp_ns=stamp_ns))
    np.testing.assert_allclose(seen, phase, atol=1e-7)


def test_the_phase_is_a_function_of_the_stamp_alone_even_after_years():
    years = 2_000_000_000 * 1_000_000_000
    late, early = (
        proprio_obs(ROBOT, replace(STATE, stamp_ns=start + 60_000_000)) for start in (years, 0)
    )
    np.testing.assert_array_equal(late, early)


def test_the_observation_is_its_terms_in_the_order_of_the_robot():
    obs = proprio_obs(ROBOT, STATE)
    assert obs.dtype == np.float32
    np.testing.assert_allclose(
        obs, [1, 2, 3, 0.1, 0.2, 0.3, 0, 0, -1, 0.2, 0.5, 4, 5, 0, 1], atol=1e-6
    )
    assert proprio_obs_dim(ROBOT) == obs.size == 15


def test_another_order_of_terms_is_another_observation():
    robot = replace(ROBOT, proprio_obs=('joint_vel', 'base_lin_vel'))
    np.testing.assert_allclose(proprio_obs(robot, STATE), [4, 5, 1, 2, 3])


def test_an_unknown_term_is_refused_with_a_suggestion():
    robot = replace(ROBOT, proprio_obs=('joint_velocity',))
    with pytest.raises(ConfigError, match=r"unknown observation term .*did you mean 'joint_vel'"):
        proprio_obs(robot, STATE)


def test_the_observation_is_no_view_of_the_state():
    robot = replace(ROBOT, proprio_obs=('base_lin_vel',))
    obs = proprio_obs(robot, STATE)
    obs[:] = 9.0
    assert STATE.linear_velocity[0] == 1.0


def test_level_ground_reads_0_and_lower_ground_is_positive():
    heights = np.array([0.3, 0.4, 0.2, 0.3, 0.3, 0.3])
    obs = extero_obs(ROBOT, replace(STATE, height_map=heights))
    assert obs.dtype == np.float32
    np.testing.assert_allclose(obs, [0, 0.1, -0.1, 0, 0, 0], atol=1e-6)


def test_an_unknown_cell_takes_the_median_of_the_known_ones():
    heights = np.array([0.4, np.nan, 0.5, 0.6, np.nan, 0.9])  # known: median 0.55
    obs = extero_obs(ROBOT, replace(STATE, height_map=heights))
    np.testing.assert_allclose(obs, [0.1, 0.25, 0.2, 0.3, 0.25, 0.6], atol=1e-6)
    assert np.isnan(heights).sum() == 2  # the measurement itself is left alone


def test_cells_are_clipped_on_both_sides():
    heights = np.array([9.0, -9.0, 0.3, 0.3, 0.3, 0.3])
    obs = extero_obs(ROBOT, replace(STATE, height_map=heights))
    np.testing.assert_allclose(obs[:2], [1.0, -1.0])


@pytest.mark.parametrize(('heights', 'given'), [(np.zeros(5), '5'), (None, 'none')])
def test_a_map_of_the_wrong_size_is_refused(heights, given):
    with pytest.raises(ConfigError) as error:
        extero_obs(ROBOT, replace(STATE, height_map=heights))
    assert str(error.value) == f"height_map has {given} numbers; robot 'duo' takes 6"


def test_a_robot_without_a_height_map_observes_nothing():
    robot = replace(ROBOT, height_map=None)
    assert extero_obs(robot, replace(STATE, height_map=None)).shape == (0,)
    assert extero_obs_dim(robot) == 0


def test_many_robots_observe_exactly_what_each_would_alone():
    rng = np.random.default_rng(0)
    sizes = {name: value.size for name, value in vars(STATE).items() if name in BATCHED}
    batch = {name: rng.normal(size=(5, size)) for name, size in sizes.items()}
    stamps = rng.integers(10**15, size=5)
    together = observed(ROBOT, States(stamp_ns=stamps, **batch))
    for i, stamp_ns in enumerate(stamps):
        alone = {name: values[i] for name, values in batch.items()}
        one = replace(STATE, stamp_ns=int(stamp_ns), **alone)
        np.testing.assert_array_equal(together[i], proprio_obs(ROBOT, one))


@pytest.mark.parametrize('name', TERMS)
def test_a_row_is_as_large_as_it_says_and_names_a_noise_that_exists(name):
    term, body = TERMS[name], load_robot('ur5e') if name in OF_ARMS else ROBOT
    robot = replace(body, proprio_obs=(name,))
    joints = np.zeros(robot.num_joints)
    state = replace(STATE, joint_pos=joints, joint_vel=joints, wrench=np.zeros(6))
    numbers = proprio_obs(robot, state, np.zeros(4))
    assert numbers.size == term.size_for(robot) == proprio_obs_dim(robot)
    assert (term.mirror == JOINTS) == (term.size == JOINTS)
    assert term.mirror == JOINTS or len(term.mirror) == numbers.size
    limit = getattr(SensorNoise(), term.noise) if term.noise else 0.0
    np.testing.assert_allclose(proprio_noise(robot, SensorNoise()), limit)


def test_a_term_is_found_at_its_place_and_one_that_is_not_observed_is_empty():
    assert term_slice(ROBOT, 'joint_pos') == slice(9, 11)
    robot = replace(ROBOT, proprio_obs=('joint_vel', 'base_lin_vel'))
    assert term_slice(robot, 'base_lin_vel') == slice(2, 5)
    absent = term_slice(robot, 'cos_sin_phase')
    assert absent.start == absent.stop
