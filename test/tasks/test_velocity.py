"""What the task of walking makes of a step and of what sensors recorded."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.observation_terms import proprio_obs_dim, term_slice
from simdist_ros.tasks.step import Scoring
from simdist_ros.tasks.velocity.gait import Foot
from simdist_ros.tasks.velocity.reward import RewardWeights
from simdist_ros.tasks.velocity.task import VelocityTask

from .test_reward import PERFECT


@pytest.fixture
def task(go2):
    return VelocityTask(go2)


def observed(go2, velocity, tilt_rad=0.0):
    """Return what a Go2 observes at a velocity in its frame, (proprio_obs_dim,)."""
    seen = np.zeros(proprio_obs_dim(go2))
    seen[term_slice(go2, 'base_lin_vel')] = velocity
    seen[term_slice(go2, 'projected_gravity')] = [math.sin(tilt_rad), 0.0, -math.cos(tilt_rad)]
    return seen


def test_a_foot_swings_from_its_phase_on_for_half_a_period(task):
    scoring = Scoring(
        rewards=RewardWeights(gait=1.0), feet={'a': Foot(swing_start=0.25), 'b': Foot()}
    )
    eighths = np.arange(8) * 62_500_000 + 1  # of the period of 0.5 s [ns]
    earned = []
    for stamp in eighths:  # foot a is in the air, foot b on the ground
        step = dataclasses.replace(
            PERFECT, stamp_ns=np.array([stamp]), foot_contact=np.array([[False, True]])
        )
        earned.append(float(task.reward_terms(scoring, step)['gait'][0]))
    assert earned == [0.0, 0.0, 0.5, 0.5, 1.0, 1.0, 0.5, 0.5]


def test_progress_is_the_score_of_the_velocity_whatever_its_weight(task):
    scoring = Scoring(rewards=RewardWeights(velocity=7.0, velocity_tolerance_mps=0.5))
    step = dataclasses.replace(PERFECT, linear_velocity=np.array([[1.0, 0.0, 0.0]]))
    no_feet = {name: np.zeros((1, 0)) for name in ('foot_height', 'foot_speed')}
    step = dataclasses.replace(step, **no_feet, foot_contact=np.zeros((1, 0), dtype=bool))
    assert task.tracking(scoring, task.reward_terms(scoring, step)) == pytest.approx([1 / math.e])


def test_sensors_tell_how_well_a_velocity_was_followed(task, go2):
    seen = np.stack([observed(go2, [0.5, 0.0, 0.3]), observed(go2, [0.5, 0.4, 0.0])])
    wanted = np.array([[0.5, 0.0, 1.0]] * 2)
    assert task.followed(seen, wanted) == pytest.approx([1.0, 1 / math.e])
    assert task.worth(seen, wanted) == pytest.approx(task.followed(seen, wanted))


def test_a_step_is_worth_less_the_nearer_the_tilt_is_to_a_fall(task, go2):
    wanted = np.array([0.5, 0.0, 0.0])
    tilts = [0.0, 0.5, 1.0, 1.2]  # a Go2 falls at 1 rad
    seen = np.stack([observed(go2, wanted, tilt) for tilt in tilts])
    assert task.worth(seen, wanted) == pytest.approx([1.0, 0.75, 0.0, 0.0], abs=1e-9)
    assert task.followed(seen, wanted) == pytest.approx(np.ones(4))


def test_a_robot_that_does_not_measure_its_velocity_has_no_outcome(go2):
    blind = VelocityTask(dataclasses.replace(go2, proprio_obs=('joint_pos',)))
    assert "no 'base_lin_vel' in proprio_obs" in blind.why_not_recorded()
    with pytest.raises(ConfigError, match="no 'base_lin_vel' in proprio_obs"):
        blind.followed(np.zeros((1, 12)), np.zeros((1, 3)))


def test_what_is_asked_for_is_the_numbers_that_are_given_else_the_velocity(task):
    assert task.asked((), (0.5, 0.0, 0.1)).tolist() == [0.5, 0.0, 0.1]
    assert task.asked((0.2, 0.1, 0.0), (0.5, 0.0, 0.1)).tolist() == [0.2, 0.1, 0.0]


def test_unasked_it_stands_still_and_succeeds_never(task):
    assert task.first_command().tolist() == task.unasked(np.ones(3)).tolist() == [0.0, 0.0, 0.0]
    assert task.succeeded(np.zeros((1, 48)), np.zeros((1, 3))) is None


def test_a_fixed_base_cannot_follow_a_velocity(go2):
    with pytest.raises(ConfigError, match="'velocity' needs a base that moves, and base is 'fixe"):
        VelocityTask(dataclasses.replace(go2, base='fixed'))


def test_it_speaks_of_walks_speeds_and_the_distance(task):
    assert task.where(np.array([3.0, -4.0, 0.3]), np.zeros(12)) == '5.00 m from the start'
    assert (task.noun, task.trial_name(0.5)) == ('walk', ' at 0.5 m/s')
    assert task.result(5.0, 0.03) == '5.00 m'
    assert task.can_fail


def test_the_score_is_one_when_the_command_is_met_and_less_on_either_side(task):
    moved = np.array([0.4, 0.1, 0.2]), np.array([0.0, 0.0, -0.3]), np.zeros(12)
    met = np.array([0.4, 0.1, -0.3])
    assert task.score(*moved, met) == pytest.approx(1.0)
    for miss in ([0.25, 0, 0], [-0.25, 0, 0], [0, 0.25, 0]):
        expected = (np.exp(-1.0) + 0.5) / 1.5
        assert task.score(*moved, met + miss) == pytest.approx(expected)
    assert task.score(*moved, met + [0, 0, 0.25]) == pytest.approx((1 + 0.5 / np.e) / 1.5)


def test_sensors_measure_what_is_commanded_and_say_nothing_of_the_rest(task, go2):
    seen = observed(go2, [0.5, -0.1, 0.3])
    seen[term_slice(go2, 'base_ang_vel')] = [1.0, 2.0, 0.7]
    assert task.measured(seen) == pytest.approx([0.5, -0.1, 0.7])
    assert task.measured(np.stack([seen, seen])).shape == (2, 3)
    blind = VelocityTask(dataclasses.replace(go2, proprio_obs=('base_ang_vel',)))
    found = blind.measured(np.array([1.0, 2.0, 0.7]))
    assert np.isnan(found[:2]).all()
    assert found[2] == 0.7


def test_the_success_line_is_speed_times_time(task):
    assert task.progress(3.0, np.zeros((2, 12)), np.array([0.5, 0.0, 0.0]), 20.0) == (3.0, 10.0)
    assert task.holds_heading
