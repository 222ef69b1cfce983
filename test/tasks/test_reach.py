"""Reaching a place, computed by hand: an arm of 0.3 m and 0.27 m on a post of 0.2 m."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.robot import load_robot
from simdist_ros.tasks.choice import task_of
from simdist_ros.tasks.reach.task import ReachTask, ReachWeights
from simdist_ros.tasks.step import Scoring, Step

from ..bodies.conftest import HERE

WEIGHTS = ReachWeights(near=2.0, near_m=0.2, there=3.0, there_m=0.05)
UP = np.array([0.0, 0.0, 0.77])  # the tool with all joints at 0


@pytest.fixture(scope='module')
def arm():
    return load_robot(str(HERE / 'arm/arm.yaml'))


@pytest.fixture(scope='module')
def task(arm):
    return ReachTask(arm)


def step(arm, joint_pos, command, **changes):
    pose = np.array([joint_pos])
    fields = {
        'stamp_ns': np.array([0]),
        'command': np.array([command]),
        'linear_velocity': np.zeros((1, 3)),
        'angular_velocity': np.zeros((1, 3)),
        'normal': np.array([[0.0, 0.0, 1.0]]),
        'base_height': np.zeros(1),
        'joint_offset': pose - arm.per_joint('default'),
        'joint_vel': np.zeros((1, 3)),
        'torque': np.zeros((1, 3)),
        'action': np.zeros((1, 3)),
        'last_action': np.zeros((1, 3)),
        'foot_contact': np.zeros((1, 0), dtype=bool),
        'foot_height': np.zeros((1, 0)),
        'foot_speed': np.zeros((1, 0)),
    }
    return Step(**fields | {name: np.array([value]) for name, value in changes.items()})


def terms(task, *args, **changes):
    found = task.reward_terms(Scoring(rewards=WEIGHTS), step(task.robot, *args, **changes))
    return {name: float(value[0]) for name, value in found.items()}


def seen(task, joint_pos):
    """Return what the robot observes in a pose at rest, (6,)."""
    return np.concatenate([np.array(joint_pos) - task.robot.per_joint('default'), np.zeros(3)])


def test_at_its_place_it_earns_all_and_loses_nothing(task):
    found = terms(task, [0.0, 0.0, 0.0], UP)
    assert (found.pop('near'), found.pop('there')) == (pytest.approx(2.0), pytest.approx(3.0))
    assert set(found.values()) == {0.0}


def test_what_is_earned_falls_with_the_distance(task):
    found = terms(task, [0.0, 0.0, 0.0], UP + [0.2, 0.0, 0.0])
    assert found['near'] == pytest.approx(2.0 / math.e)
    assert found['there'] == pytest.approx(3.0 * math.exp(-16.0))
    to_the_left = [0.57 * math.cos(0.5), 0.57 * math.sin(0.5), 0.2]
    assert terms(task, [0.5, math.pi / 2, 0.0], to_the_left)['there'] == pytest.approx(3.0)
    assert terms(task, [-0.5, math.pi / 2, 0.0], to_the_left)['there'] < 0.01
    far = terms(task, [0.0, 0.0, 0.0], UP - [0.0, 0.0, 0.4])
    assert far['near'] == pytest.approx(2.0 / math.e**2)


def test_motion_costs_weighted_squares(task):
    at = [0.0, 0.0, 0.0], UP
    assert terms(task, *at, joint_vel=[1.0, -2.0, 0.0])['joint_speed'] == pytest.approx(-0.01)
    assert terms(task, *at, torque=[10.0, 0.0, 0.0])['torque'] == pytest.approx(-2e-3)
    assert terms(task, *at, action=[1.0, 2.0, 0.0])['action_rate'] == pytest.approx(-0.05)
    assert terms(task, *at, last_action=[1.0, 0.0, 0.0])['action_rate'] == pytest.approx(-0.01)


def test_progress_is_how_near_it_is(task):
    scoring = Scoring(rewards=WEIGHTS)
    far = task.reward_terms(scoring, step(task.robot, [0.0, 0.0, 0.0], UP + [0.0, 0.2, 0.0]))
    assert task.tracking(scoring, far) == pytest.approx([1.0 / math.e])


def test_sensors_alone_tell_how_far_it_is_and_whether_it_is_there(task):
    observed = np.stack([seen(task, [0.0, 0.0, 0.0])] * 3)
    wanted = np.stack([UP, UP + [0.03, 0.0, 0.0], UP - [0.0, 0.0, 0.09]])
    assert task.distance(observed, wanted) == pytest.approx([0.0, 0.03, 0.09], abs=1e-6)
    assert task.followed(observed, wanted) == pytest.approx([1.0, math.exp(-1 / 3), 1 / math.e])
    assert task.worth(observed, wanted) == pytest.approx(task.followed(observed, wanted))
    nearly = np.stack([UP, UP + [0.029, 0.0, 0.0], UP - [0.0, 0.0, 0.031]])
    assert task.succeeded(observed, nearly).tolist() == [True, True, False]


def test_places_are_within_the_bounds_and_the_same_for_the_same_seed(task):
    places = task.draw(200, np.random.default_rng(0))
    np.testing.assert_array_equal(places, task.draw(200, np.random.default_rng(0)))
    assert ((places >= task.goal.low) & (places <= task.goal.high)).all()
    assert np.linalg.norm(places - [0.0, 0.0, 0.2], axis=1).max() < 0.57 + 1e-9  # in reach
    assert (places[:, 1] > 0.0).mean() == pytest.approx(0.5, abs=0.15)


def test_a_small_share_of_the_range_stays_near_the_stand(task):
    stand = task.chain.position(task.robot.per_joint('stand'))
    np.testing.assert_array_equal(task.first_command(), task.goal.clip(stand))
    far, near = (task.draw(100, np.random.default_rng(0), scale) for scale in (1.0, 0.1))
    assert np.linalg.norm(near - stand, axis=1).max() < 0.25
    assert np.linalg.norm(far - stand, axis=1).max() > 0.5
    np.testing.assert_allclose(task.draw(3, np.random.default_rng(0), 0.0), [stand] * 3)


def test_unasked_it_stays_where_it_was_sent_and_never_fails(task):
    assert task.unasked(UP) is UP
    assert not task.failed(np.full((2, 3), np.nan), np.zeros(2), without_ground=True).any()


def test_the_error_of_a_run_begins_after_a_second(task):
    far, there = [0.0, math.pi / 2, 0.0], [0.0, 0.0, 0.0]
    joint_pos = np.array([far] * 50 + [there] * 10)
    assert task.error(np.zeros((60, 3)), joint_pos, UP) == pytest.approx(0.0)
    assert task.error(np.zeros((60, 3)), joint_pos[::-1], UP) == pytest.approx(0.57 * 2**0.5)
    assert math.isnan(task.error(np.zeros((50, 3)), joint_pos[:50], UP))


def test_trials_go_through_the_places_that_it_practises(task):
    assert task.speeds((0.5, 1.0)) == (0.0,)
    trials = [task.trial(0.0, seed) for seed in range(1000, 1008)]
    np.testing.assert_array_equal(trials[:4], trials[4:])
    assert len({tuple(place) for place in trials}) == 4


def test_progress_is_by_how_much_the_tool_came_nearer(task):
    ends = np.array([[0.0, math.pi / 2, 0.0], [0.0, 0.0, 0.0]])  # ahead, then straight up
    got, line = task.progress(9.0, ends, UP - [0.0, 0.0, 0.1], 20.0)
    assert line == pytest.approx(math.hypot(0.57, 0.57 - 0.1))
    assert got == pytest.approx(line - 0.1)
    back, _ = task.progress(9.0, ends[::-1], UP, 20.0)
    assert back == pytest.approx(-0.57 * 2**0.5)
    assert not task.holds_heading


def test_the_place_of_the_tool_is_measured_and_scored(task):
    assert task.measured(seen(task, [0.0, 0.0, 0.0])) == pytest.approx(UP, abs=1e-6)
    still = np.zeros(3), np.zeros(3), np.zeros(3)
    assert task.score(*still, UP) == pytest.approx(1.0)
    assert task.score(*still, UP + [0.0, 0.09, 0.0]) == pytest.approx(1 / math.e)


REFUSED = {
    'no tool': ({'tool': ''}, "robot 'arm' names no tool"),
    'no joint positions': ({'proprio_obs': ('joint_vel',)}, "has no 'joint_pos' in proprio_obs"),
    'two numbers': ({'tasks': {'reach': {'low': [0, 0], 'high': [1, 1]}}}, 'low has 2 numbers'),
    'reversed': ({'tasks': {'reach': {'low': [0, 0, 1], 'high': [1, 1, 0]}}}, 'beyond high'),
}


@pytest.mark.parametrize(('fields', 'said'), REFUSED.values(), ids=REFUSED)
def test_a_robot_that_lacks_what_it_needs_is_refused(arm, fields, said):
    with pytest.raises(ConfigError, match=said):
        task_of(dataclasses.replace(arm, **fields))


def test_of_several_poses_one_with_the_tool_within_the_bounds_is_taken(arm):
    narrow = {'low': [0.1, -0.2, 0.2], 'high': [0.4, 0.2, 0.5]}
    task = ReachTask(dataclasses.replace(arm, tasks={'reach': narrow}))
    places = task.draw(200, np.random.default_rng(0))
    inside = ((places > task.goal.low) & (places < task.goal.high)).all(axis=1)
    assert inside.mean() > 0.2  # a twentieth of all poses is


def test_it_speaks_of_the_tool_and_of_nothing_that_walks(task):
    assert task.where(np.array([3.0, 4.0, 0.0]), np.zeros(3)) == 'tool at 0.00, 0.00, 0.77 m'
    assert (task.noun, task.trial_name(0.0)) == ('trial', '')
    assert task.result(5.0, 0.03) == '0.030 m off'
    assert not task.can_fail
