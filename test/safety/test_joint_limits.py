from __future__ import annotations

import numpy as np
import pytest

from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.robot import load_robot
from simdist_ros.safety.limits import JointLimits, NotFiniteError
from simdist_ros.safety.settings import SafetySettings

PERIOD_S = 0.02
REST = np.zeros(2)


def limit(robot, target, previous=(0.0, 0.0), pos=(0.0, 0.0), vel=(0.0, 0.0), **settings):
    limits = JointLimits(robot, SafetySettings(**settings))
    arrays = [np.array(value, dtype=float) for value in (target, previous, pos, vel)]
    return limits.limit(*arrays, PERIOD_S)


def test_a_target_within_all_limits_stays_as_it_is(robot):
    limited = limit(robot, [0.1, -0.15])
    np.testing.assert_array_equal(limited.position, [0.1, -0.15])
    assert limited.limited == ()


def test_a_target_moves_by_no_more_than_the_rate_times_the_period(robot):
    limited = limit(robot, [0.5, -0.3])
    np.testing.assert_allclose(limited.position, [0.2, -0.2])  # 10 rad/s * 0.02 s
    assert limited.limited == ('rate',)


def test_the_rate_scale_scales_the_rate(robot):
    np.testing.assert_allclose(limit(robot, [0.5, 0.0], max_rate_scale=0.5).position, [0.1, 0.0])


def test_a_period_of_zero_leaves_the_previous_target(robot):
    limits = JointLimits(robot, SafetySettings())
    limited = limits.limit(REST + 0.5, REST + 0.1, REST, REST, 0.0)
    np.testing.assert_allclose(limited.position, [0.1, 0.1])


def test_a_target_asks_for_no_more_than_the_torque_limit(robot):
    limited = limit(robot, [0.9, -0.9], previous=[0.9, -0.9])
    np.testing.assert_allclose(limited.position, [0.5, -0.5])  # 10 N m / 20 N m/rad
    assert limited.limited == ('torque',)


def test_the_torque_limit_counts_what_the_velocity_gain_adds(robot):
    # kp (q* - 0) - kd 4 = 10 at q* = 0.7, and = -10 at q* = -0.3
    limited = limit(robot, [0.9, -0.9], previous=[0.9, -0.9], vel=[4.0, 4.0])
    np.testing.assert_allclose(limited.position, [0.7, -0.3])


def test_the_torque_scale_scales_the_torque(robot):
    limited = limit(robot, [0.9, 0.0], previous=[0.9, 0.0], torque_scale=0.5)
    np.testing.assert_allclose(limited.position, [0.25, 0.0])


def test_a_target_stays_within_the_position_limits_and_their_margin(robot):
    limited = limit(
        robot, [1.2, -1.2], previous=[1.1, -1.1], pos=[0.9, -0.9], position_margin_rad=0.05
    )
    np.testing.assert_allclose(limited.position, [0.95, -0.95])
    assert limited.limited == ('position',)


@pytest.mark.parametrize(
    ('target', 'previous', 'pos', 'name'),
    [
        ([0.5, 0.0], [0.0, 0.0], [0.0, 0.0], 'rate'),
        ([0.9, 0.0], [0.9, 0.0], [0.0, 0.0], 'torque'),
        ([1.1, 0.0], [1.1, 0.0], [0.9, 0.0], 'position'),
    ],
)
def test_a_limit_that_acts_on_one_joint_is_told(robot, target, previous, pos, name):
    assert limit(robot, target, previous=previous, pos=pos).limited == (name,)


def test_torque_goes_before_rate_and_position_before_both(robot):
    pushed_aside = limit(robot, [0.9, 0.9], previous=[0.9, 0.9], pos=[-0.2, -0.2])
    np.testing.assert_allclose(pushed_aside.position, [0.3, 0.3])
    outside = limit(robot, [0.0, 0.0], previous=[0.0, 0.0], pos=[-2.0, -2.0])
    np.testing.assert_allclose(outside.position, [-1.0, -1.0])
    assert outside.limited == ('torque', 'position')


def test_random_targets_keep_every_limit_that_can_be_kept():
    robot = load_robot('go2')
    limits = JointLimits(robot, SafetySettings())
    low, high = robot.per_joint('low'), robot.per_joint('high')
    rng = np.random.default_rng(0)
    for _ in range(300):
        pos = rng.uniform(low, high)
        previous = np.clip(pos + rng.normal(0.0, 0.2, 12), low, high)
        vel = rng.normal(0.0, 3.0, 12)
        sent = limits.limit(rng.normal(0.0, 5.0, 12), previous, pos, vel, PERIOD_S).position
        torque = robot.per_joint('kp') * (sent - pos) - robot.per_joint('kd') * vel
        assert np.all((sent >= low) & (sent <= high))
        assert np.all(np.abs(torque) <= robot.per_joint('max_torque') + 1e-9)
        assert np.all(np.abs(sent - previous) <= robot.per_joint('max_rate') * PERIOD_S + 1e-9)


def test_a_limit_is_broken_only_by_one_that_goes_before_it_and_by_as_little_as_it_needs():
    robot = load_robot('go2')
    limits = JointLimits(robot, SafetySettings())
    low, high, kp = (robot.per_joint(name) for name in ('low', 'high', 'kp'))
    reach, step = robot.per_joint('max_torque') / kp, robot.per_joint('max_rate') * PERIOD_S
    rng, broken = np.random.default_rng(1), 0
    for _ in range(300):
        pos = rng.uniform(low - 0.5, high + 0.5)
        previous, vel = rng.uniform(low, high), rng.normal(0.0, 15.0, 12)
        sent = limits.limit(rng.normal(0.0, 5.0, 12), previous, pos, vel, PERIOD_S).position
        rest = pos + robot.per_joint('kd') / kp * vel
        weak = np.maximum(rest - reach, low), np.minimum(rest + reach, high)
        can_be_weak = weak[0] <= weak[1]
        assert np.all((sent >= weak[0] - 1e-9) & (sent <= weak[1] + 1e-9) | ~can_be_weak)
        apart = np.maximum(np.maximum(weak[0] - previous, previous - weak[1]) - step, 0.0)
        excess = np.maximum(np.abs(sent - previous) - step, 0.0)
        np.testing.assert_allclose(excess[can_be_weak], apart[can_be_weak], atol=1e-9)
        broken += int((excess > 0.0).sum())
    assert broken > 100  # that it cannot be kept is tried often enough


@pytest.mark.parametrize('bad', [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize('which', ['target', 'previous', 'pos', 'vel'])
def test_a_number_that_is_not_finite_never_passes_the_clamp(robot, bad, which):
    arrays = {'target': [0.0, 0.0], which: [0.0, bad]}
    with pytest.raises(NotFiniteError, match='is not finite'):
        limit(robot, **arrays)


def test_infinities_that_cancel_do_not_pass_either(robot):
    with pytest.raises(NotFiniteError, match='joint target of left, right is not finite'):
        limit(robot, [np.inf, -np.inf])


def test_the_inputs_are_left_alone_and_not_shared(robot):
    target, previous = np.array([0.1, 0.1]), np.array([0.0, 0.0])
    limits = JointLimits(robot, SafetySettings())
    sent = limits.limit(target, previous, REST, REST, PERIOD_S).position
    sent[:] = 9.0
    np.testing.assert_array_equal(target, [0.1, 0.1])
    np.testing.assert_array_equal(previous, [0.0, 0.0])


def test_a_margin_that_leaves_no_range_is_refused(robot):
    with pytest.raises(ConfigError, match=r"1\.5 leaves joint 'left' no range"):
        JointLimits(robot, SafetySettings(position_margin_rad=1.5))
