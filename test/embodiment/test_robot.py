import math

import numpy as np
import pytest
import yaml

from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.action_space import JointTarget
from simdist_ros.embodiment.height_map import HeightMap
from simdist_ros.embodiment.robot import Joint, Robot, load_robot
from simdist_ros.tasks.velocity.settings import velocity_goal

DESCRIPTION = {
    'name': 'duo',
    'mjcf': 'duo.xml',
    'action_scale': 0.5,
    'command_low': [-1.0, -0.5],
    'command_high': [1.0, 0.5],
    'proprio_obs': ['joint_pos'],
    'joints': {'hip': {'default': 0.1}, 'knee': {'default': -1.0, 'max_torque': 45.0}},
}


@pytest.fixture
def duo(tmp_path) -> Robot:
    return written(tmp_path, {})


def written(folder, changes) -> Robot:
    path = folder / 'duo.yaml'
    path.write_text(yaml.safe_dump({**DESCRIPTION, **changes}))
    return load_robot(str(path))


def refusal(folder, changes) -> str:
    with pytest.raises(ConfigError) as error:
        written(folder, changes)
    assert '\n' not in str(error.value)
    return str(error.value).removeprefix(f'{folder / "duo.yaml"}: ')


def test_joints_keep_the_order_of_the_file(duo):
    assert duo.joint_names == ('hip', 'knee')
    assert duo.num_joints == 2
    np.testing.assert_array_equal(duo.per_joint('max_torque'), [1.0, 45.0])


def test_the_mjcf_lies_beside_the_description(duo, tmp_path):
    assert duo.mjcf_path == tmp_path / 'duo.xml'


def test_the_period_follows_from_the_rate(duo):
    assert duo.period_s == 0.02
    assert duo.period_ns == 20_000_000


def test_action_0_is_the_default_pose_and_1_adds_the_scale(duo):
    np.testing.assert_allclose(JointTarget(duo).to_joints(np.zeros(2)), [0.1, -1.0])
    np.testing.assert_allclose(JointTarget(duo).to_joints(np.array([1.0, -2.0])), [0.6, -2.0])


def test_actions_and_joint_targets_make_a_round_trip_with_leading_axes(duo):
    actions = np.random.default_rng(0).normal(size=(3, 1, 2))
    back = JointTarget(duo).from_joints(JointTarget(duo).to_joints(actions))
    assert back.shape == (3, 1, 2)
    np.testing.assert_allclose(back, actions, atol=1e-12)


def test_order_finds_our_joints_by_name_in_any_message(duo):
    names = ['knee', 'hip']
    position = np.array([-1.5, 0.2])  # of knee, hip
    np.testing.assert_array_equal(position[duo.order(names)], [0.2, -1.5])


@pytest.mark.parametrize(
    ('names', 'said'),
    [
        (['hip'], "missing ['knee'], unknown none, 1 given, 2 expected"),
        (['hip', 'ankle'], "missing ['knee'], unknown ['ankle'], 2 given, 2 expected"),
        (['hip', 'knee', 'arm'], "missing none, unknown ['arm'], 3 given, 2 expected"),
        (['hip', 'knee', 'hip'], 'missing none, unknown none, 3 given, 2 expected'),
        ([], "missing ['hip', 'knee'], unknown none, 0 given, 2 expected"),
    ],
)
def test_joint_names_that_do_not_match_are_told_apart(duo, names, said):
    with pytest.raises(ConfigError) as error:
        duo.order(names)
    assert str(error.value) == f"joint names do not match robot 'duo': {said}"


def test_bounds_of_the_velocity_at_the_top_of_an_old_file_are_those_of_its_task(duo):
    assert list(duo.tasks) == ['velocity']
    assert velocity_goal(duo).low.tolist() == [-1.0, -0.5]
    assert velocity_goal(duo).high.tolist() == [1.0, 0.5]


def test_bounds_both_at_the_top_and_under_a_task_are_refused(tmp_path):
    said = refusal(tmp_path, {'tasks': {'velocity': {}}})
    assert said.startswith("unknown setting 'command_low'")


@pytest.mark.parametrize('tasks', [['reach'], {'reach': 3}, 'reach'])
def test_tasks_that_are_no_names_with_settings_are_refused(tmp_path, tasks):
    bounds = dict.fromkeys(('command_low', 'command_high'))
    path = tmp_path / 'duo.yaml'
    kept = {name: value for name, value in DESCRIPTION.items() if name not in bounds}
    path.write_text(yaml.safe_dump({**kept, 'tasks': tasks}))
    with pytest.raises(ConfigError, match='tasks must map each task to its settings, got'):
        load_robot(str(path))


def test_the_task_that_is_chosen_must_be_one_that_the_robot_names(tmp_path):
    written(tmp_path, {})
    path = str(tmp_path / 'duo.yaml')
    assert load_robot(path, 'velocity').task == 'velocity'
    with pytest.raises(ConfigError, match="unknown task of this robot 'reach'; known: velocity"):
        load_robot(path, 'reach')


def test_cells_of_the_height_map_run_along_x_first():
    grid = HeightMap(columns=3, rows=2, resolution_m=0.5, first_x_m=-0.5, first_y_m=1.0)
    assert grid.size == 6
    np.testing.assert_allclose(
        grid.cells(), [[-0.5, 1.0], [0.0, 1.0], [0.5, 1.0], [-0.5, 1.5], [0.0, 1.5], [0.5, 1.5]]
    )


def test_a_default_outside_the_limits_is_refused():
    with pytest.raises(ConfigError, match=r"joint 'hip': default 2\.0 rad lies outside -1\.0"):
        Joint(name='hip', default=2.0, low=-1.0, high=1.0)


def test_a_robot_without_joints_is_refused(tmp_path):
    assert refusal(tmp_path, {'joints': {}}) == "robot 'duo' has no joints"


@pytest.mark.parametrize(
    ('changes', 'said'),
    [
        ({'acton_scale': 0.3}, "unknown setting 'acton_scale'; did you mean 'action_scale'?"),
        ({'source': '/tmp'}, "unknown setting 'source'"),
        ({3: 0.3}, "unknown setting '3'"),
        ({'action_scale': 'big'}, "action_scale is 'big'; it must be a finite number"),
        ({'joints': ['hip']}, 'joints must map each joint name to its settings'),
        ({'joints': None}, 'joints must map each joint name to its settings'),
        ({'joints': {'hip': 0.3}}, "hip: expected names and values, got '0.3'"),
        ({'joints': {'hip': {'lo': 0.3}}}, "hip: unknown setting 'lo'; did you mean 'low'?"),
        ({'joints': {'hip': {'kp': math.nan}}}, "hip: kp is '.nan'"),
        ({'height_map': 5}, "height_map: expected names and values, got '5'"),
        ({'proprio_obs': 5}, "proprio_obs is '5'; it must be a list of names"),
        ({'proprio_obs': 'joint_pos'}, "proprio_obs is 'joint_pos'; it must be a list of names"),
        ({'name': ''}, 'name is missing; name the robot, as its models and bags do'),
        ({'name': None}, 'name is missing'),
        ({'proprio_obs': []}, 'proprio_obs is missing; name the terms of the observation'),
        ({'action_scale': 0}, 'action_scale is 0.0 rad; allowed: more than 0.0 rad'),
        ({'control_rate_hz': 0}, 'control_rate_hz is 0.0 Hz; allowed: 1.0 .. 1000.0 Hz'),
        ({'base_height_m': -0.3}, 'base_height_m is -0.3 m; allowed: more than 0.0 m'),
        ({'fallen_height_m': 0.4}, "robot 'duo': fallen_height_m is 0.4 m; it must be less than"),
        ({'joints': {'hip': {'kp': 0}}}, 'hip: kp is 0.0 N m/rad; allowed: more than 0.0 N m/rad'),
        ({'joints': {'hip': {'max_rate': 0}}}, 'hip: max_rate is 0.0 rad/s; allowed: more than'),
    ],
)
def test_a_bad_description_is_refused_in_one_sentence(tmp_path, changes, said):
    assert refusal(tmp_path, changes).startswith(said)


def test_a_description_without_an_mjcf_is_what_is_blamed_for_it(tmp_path):
    robot = written(tmp_path, {'mjcf': ''})
    with pytest.raises(ConfigError) as caught:
        _ = robot.mjcf_path
    assert str(caught.value).startswith(f'{tmp_path / "duo.yaml"}: mjcf is missing; name the')


def test_words_and_numbers_of_a_description_are_what_they_look_like(tmp_path):
    path = tmp_path / 'off.yaml'
    path.write_text(
        'name: off\nproprio_obs: [joint_pos]\naction_scale: 1e-1\n'
        'joints:\n  on: {kp: 2_0, kd: .5}\n  007: {}\n'
    )
    robot = load_robot(str(path))
    assert (robot.name, robot.action_scale, robot.joint_names) == ('off', 0.1, ('on', '007'))
    assert (robot.joints[0].kp, robot.joints[0].kd) == (20.0, 0.5)


def test_a_joint_without_settings_takes_the_defaults(tmp_path):
    robot = written(tmp_path, {'joints': {'hip': None}})
    assert robot.joints == (Joint(name='hip'),)


def test_an_unknown_robot_is_refused_with_a_suggestion():
    with pytest.raises(ConfigError, match="unknown robot 'go3'; did you mean 'go2'"):
        load_robot('go3')


def test_a_file_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r'robot file .*duo\.yaml. does not exist'):
        load_robot(str(tmp_path / 'duo.yaml'))


def test_the_go2_stands_within_its_limits_and_has_its_mjcf():
    go2 = load_robot('go2')
    assert go2.num_joints == 12
    assert go2.height_map.size == 315
    assert np.all(go2.per_joint('stand') >= go2.per_joint('low'))
    assert np.all(go2.per_joint('stand') <= go2.per_joint('high'))
    assert go2.mjcf_path.is_file()
