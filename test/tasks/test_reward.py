"""The reward, computed by hand."""

import dataclasses
import math

import numpy as np
import pytest

from simdist_ros.tasks.step import Step
from simdist_ros.tasks.velocity.reward import RewardWeights, reward_terms, swing_profile

PERFECT = Step(
    stamp_ns=np.array([0]),
    command=np.array([[0.5, 0.0, 0.2]]),
    linear_velocity=np.array([[0.5, 0.0, 0.0]]),
    angular_velocity=np.array([[0.0, 0.0, 0.2]]),
    normal=np.array([[0.0, 0.0, 1.0]]),
    base_height=np.array([0.3]),
    joint_offset=np.zeros((1, 2)),
    joint_vel=np.zeros((1, 2)),
    torque=np.zeros((1, 2)),
    action=np.ones((1, 2)),
    last_action=np.ones((1, 2)),
    foot_contact=np.array([[True, False]]),
    foot_height=np.array([[0.0, 0.08]]),
    foot_speed=np.zeros((1, 2)),
)
FOOT_PHASE = np.array([[0.75, 0.25]])
WEIGHTS = RewardWeights(velocity=2.0, velocity_tolerance_mps=0.35)


def terms(**changes):
    step = dataclasses.replace(PERFECT, **{k: np.array(v) for k, v in changes.items()})
    found = reward_terms(WEIGHTS, step, FOOT_PHASE)
    return {name: float(value[0]) for name, value in found.items()}


def test_a_perfect_step_earns_everything_and_loses_nothing():
    found = terms()
    earned = {name: found.pop(name) for name in ('velocity', 'turning', 'gait')}
    assert earned == {'velocity': 2.0, 'turning': 1.0, 'gait': 1.0}
    assert all(value == pytest.approx(0.0) for value in found.values())


def test_velocity_falls_to_one_over_e_at_its_tolerance():
    assert terms(linear_velocity=[[0.85, 0.0, 0.0]])['velocity'] == pytest.approx(2.0 / math.e)


def test_a_foot_out_of_step_costs_its_share_of_the_gait():
    assert terms(foot_contact=[[True, True]])['gait'] == pytest.approx(0.5)


def test_a_foot_that_drags_costs_the_square_of_what_is_missing():
    assert terms(foot_height=[[0.0, 0.0]])['swing_height'] == pytest.approx(-40.0 * 0.08**2 / 2)
    assert terms(foot_height=[[0.05, 0.08]])['swing_height'] == pytest.approx(0.0)  # it stands


def test_penalties_are_weighted_squares():
    assert terms(base_height=[0.2])['base_height'] == pytest.approx(-30.0 * 0.01)
    assert terms(normal=[[0.6, 0.0, 0.8]])['tilt'] == pytest.approx(-3.0 * 0.36)
    assert terms(action=[[2.0, 3.0]])['action_rate'] == pytest.approx(-0.01 * 5.0)
    assert terms(torque=[[10.0, 0.0]])['torque'] == pytest.approx(-2e-4 * 100.0)
    assert terms(foot_speed=[[1.0, 9.0]])['slip'] == pytest.approx(-0.15)  # the other one swings


@pytest.mark.parametrize(
    ('changes', 'name', 'expected'),
    [
        ({'linear_velocity': [[0.5, 0.35, 0.0]]}, 'velocity', 2.0 / math.e),
        ({'linear_velocity': [[0.5, 0.0, 0.35]]}, 'velocity', 2.0),
        ({'linear_velocity': [[0.5, 0.0, -0.5]]}, 'bounce', -1.5 * 0.25),
        ({'angular_velocity': [[0.0, 0.0, -0.2]]}, 'turning', 1.0 / math.e),
        ({'angular_velocity': [[1.0, 2.0, 0.2]]}, 'sway', -0.05 * 5.0),
        ({'normal': [[0.6, 0.0, 0.8]]}, 'tilt', -3.0 * 0.36),
        ({'normal': [[0.0, -0.6, 0.8]]}, 'tilt', -3.0 * 0.36),
        ({'base_height': [0.4]}, 'base_height', -30.0 * 0.01),
        ({'joint_offset': [[1.0, -2.0]]}, 'pose', -0.15 * 5.0),
        ({'joint_vel': [[10.0, -20.0]]}, 'joint_speed', -2e-4 * 500.0),
        ({'torque': [[10.0, -20.0]]}, 'torque', -2e-4 * 500.0),
        ({'action': [[0.0, 1.0]]}, 'action_rate', -0.01),
        ({'foot_height': [[0.0, 0.10]]}, 'swing_height', -40.0 * 0.02**2 / 2),
        ({'foot_contact': [[False, True]]}, 'gait', 0.0),
        ({'foot_contact': [[False, False]], 'foot_speed': [[1.0, 1.0]]}, 'slip', 0.0),
        (
            {'foot_contact': [[True, True]], 'foot_speed': [[1.0, 2.0]]},
            'slip',
            -0.15 * 5.0,
        ),
    ],
)
def test_each_term_is_of_its_own_number(changes, name, expected):
    assert terms(**changes)[name] == pytest.approx(expected)
    same, other = terms(), terms(**changes)
    touched = {'linear_velocity', 'angular_velocity', 'foot_contact'} & set(changes)
    if not touched:  # what the change is not about stays
        assert {k for k in same if same[k] != pytest.approx(other[k])} == {name}


def test_a_swing_is_highest_in_its_middle_and_a_stance_stays_down():
    assert swing_profile(np.array([0.0, 0.25, 0.5, 0.75])) == pytest.approx([0.0, 1.0, 0.0, 0.0])


def test_a_fall_earns_nothing_and_ends_the_episode(walkers):
    env = walkers(num_robots=2)
    env.state[0, 4:8] = [math.cos(1.0), math.sin(1.0), 0.0, 0.0]  # on its side
    env.state[0, 3] = 1.0
    result = env.step(np.zeros((2, 12)))
    assert result.terminated.tolist() == [True, False]
    assert result.reward[0] == 0.0
    assert result.reward[1] > 0.0


def test_the_reward_of_a_step_is_a_period_s_share_of_a_second_s(walkers, go2):
    env = walkers()
    result = env.step(np.zeros((6, 12)))
    assert result.reward.mean() == pytest.approx(
        go2.period_s * sum(result.terms.values()), abs=1e-6
    )
