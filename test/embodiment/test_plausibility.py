"""Bounds of a handmade robot, by hand: 1.5 x 20 rad/s, 0.5 rad past a limit of 1, 2.5 m/s."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from simdist_ros.embodiment.height_map import HeightMap
from simdist_ros.embodiment.observation import RobotState
from simdist_ros.embodiment.plausibility import Implausible, Plausibility, StateCheck, describe
from simdist_ros.embodiment.robot import Joint, Robot

JOINT = Joint(low=-1.0, high=2.0, max_velocity=20.0, max_rate=10.0)
ROBOT = Robot(
    name='two',
    max_base_speed_mps=2.5,
    height_map=HeightMap(columns=2, rows=2),
    joints=(replace(JOINT, name='hip'), replace(JOINT, name='knee', max_rate=40.0)),
)
MS = 1_000_000


def state(stamp_ms=0, **changes) -> RobotState:
    values = {
        'joint_pos': np.array([0.5, 0.5]),
        'joint_vel': np.zeros(2),
        'orientation': np.array([1.0, 0.0, 0.0, 0.0]),
        'angular_velocity': np.zeros(3),
        'linear_velocity': np.zeros(3),
        'height_map': np.full(4, 0.3),
    }
    arrays = {name: np.array(value, dtype=float) for name, value in {**values, **changes}.items()}
    return RobotState(stamp_ns=stamp_ms * MS, **arrays)


def rolled(angle: float) -> list[float]:
    return [np.cos(angle / 2), np.sin(angle / 2), 0.0, 0.0]


WITHIN = [
    {'joint_vel': [30.0, -60.0]},
    {'joint_pos': [-1.5, 2.5]},
    {'angular_velocity': [34.9, -34.9, 34.9]},
    {'linear_velocity': [2.5, -2.5, 2.5]},
    {'orientation': [1.09, 0.0, 0.0, 0.0]},
    {'orientation': [0.91, 0.0, 0.0, 0.0]},
    {'height_map': [20.0, -20.0, np.nan, np.nan]},
]
BEYOND = [
    ({'joint_vel': [30.1, 0.0]}, 'joint_states: velocity of hip', '30.1 rad/s beyond 30'),
    ({'joint_vel': [0.0, -60.1]}, 'joint_states: velocity of knee', '-60.1 rad/s beyond -60'),
    ({'joint_pos': [2.51, 0.0]}, 'joint_states: position of hip', '2.51 rad beyond 2.5'),
    ({'joint_pos': [0.0, -1.51]}, 'joint_states: position of knee', '-1.51 rad beyond -1.5'),
    ({'joint_pos': [0.0, np.nan]}, 'joint_states: position of knee', 'not finite'),
    (
        {'angular_velocity': [0.0, 35.0, 0.0]},
        'imu/data: angular velocity of y',
        '35 rad/s beyond 34.9',
    ),
    ({'linear_velocity': [0.0, 0.0, -2.6]}, 'odom: linear velocity of z', '-2.6 m/s beyond -2.5'),
    ({'linear_velocity': [np.inf, 0.0, 0.0]}, 'odom: linear velocity of x', 'not finite'),
    ({'orientation': np.zeros(4)}, 'imu/data: norm of the orientation', '0 differs from 1'),
    (
        {'orientation': [1.11, 0.0, 0.0, 0.0]},
        'imu/data: norm of the orientation',
        '1.11 differs from 1',
    ),
    ({'orientation': [np.nan, 0, 0, 0]}, 'imu/data: norm of the orientation', 'not finite'),
    ({'height_map': [20.1, 0, 0, 0]}, 'height_map: height', '20.1 m beyond 20'),
    ({'height_map': [np.nan] * 3 + [0.3]}, 'height_map: unknown cells', '75 % beyond 50'),
    ({'height_map': [-np.inf, 0, 0, 0]}, 'height_map: height', 'inf m beyond 20'),
]


@pytest.mark.parametrize('changes', WITHIN)
def test_a_reading_at_its_bound_is_used(changes):
    assert StateCheck(ROBOT).check(state(**changes)) == ()


@pytest.mark.parametrize(('changes', 'what', 'finding'), BEYOND)
def test_a_reading_beyond_its_bound_is_named_by_sensor_joint_and_rule(changes, what, finding):
    assert StateCheck(ROBOT).check(state(**changes)) == (Implausible(what, finding),)


@pytest.mark.parametrize(('changes', 'what', 'finding'), BEYOND)
def test_many_readings_are_judged_as_one_by_one(changes, what, finding):
    del what, finding
    ((name, bad),) = changes.items()
    good = getattr(state(), name)
    readings = {'joint_pos': np.full((3, 2), 0.5)}
    readings[name] = np.stack([good, np.array(bad, dtype=float), good])
    np.testing.assert_array_equal(Plausibility(ROBOT).usable(readings), [True, False, True])


def test_all_that_is_wrong_is_found():
    found = StateCheck(ROBOT).check(state(joint_vel=[99.0, 99.0], linear_velocity=[9.0, 0, 0]))
    assert [finding.what for finding in found] == [
        'joint_states: velocity of hip',
        'joint_states: velocity of knee',
        'odom: linear velocity of x',
    ]


def test_a_sentence_names_three_findings_and_counts_the_others():
    findings = [Implausible(name, 'not finite') for name in 'abcde']
    assert describe(findings) == 'a not finite; b not finite; c not finite; and 2 more'
    assert describe(findings[:1]) == 'a not finite'


# In succession: 30 rad/s of the hip in 20 ms and 0.1 rad make 0.7; 34.9 rad/s and 0.3 make 0.998


@pytest.mark.parametrize(('later_ms', 'most'), [(20, 0.7), (2, 0.7), (40, 1.3)])
def test_a_joint_moves_no_farther_than_its_velocity_allows(later_ms, most):
    for step, is_usable in ((most - 0.01, True), (most + 0.01, False)):
        for sign in (-1, 1):
            check = StateCheck(ROBOT)
            check.check(state(1000))
            found = check.check(state(1000 + later_ms, joint_pos=[0.5 + sign * step, 0.5]))
            assert (found == ()) == is_usable
            assert [f.what for f in found] == ([] if is_usable else ['joint_states: step of hip'])


def test_the_base_turns_no_farther_than_a_gyroscope_can_measure():
    for angle, is_usable in ((0.99, True), (1.01, False)):
        check = StateCheck(ROBOT)
        check.check(state(1000))
        found = check.check(state(1020, orientation=rolled(angle)))
        assert [f.what for f in found] == (
            [] if is_usable else ['imu/data: turn of the orientation']
        )


def test_a_quaternion_and_its_negative_are_one_orientation():
    check = StateCheck(ROBOT)
    check.check(state(1000, orientation=rolled(0.3)))
    assert check.check(state(1020, orientation=-np.array(rolled(0.3)))) == ()


def test_a_jump_is_measured_from_the_newest_usable_state_and_believed_when_it_lasts():
    check = StateCheck(ROBOT)
    check.check(state(1000))
    moved = [-1.0, 0.5]  # 1.5 rad: 0.1 + 30 rad/s * 46.7 ms
    verdicts = [check.check(state(1000 + 20 * k, joint_pos=moved)) == () for k in (1, 2, 3, 4)]
    assert verdicts == [False, False, True, True]


def test_after_a_reset_or_on_an_earlier_clock_nothing_is_a_jump():
    for forget in (True, False):
        check = StateCheck(ROBOT)
        check.check(state(1000))
        if forget:
            check.reset()
        stamp = 1020 if forget else 900
        assert check.check(state(stamp, joint_pos=[2.0, -1.0])) == ()


def test_who_does_not_ask_for_the_map_does_not_hear_of_it():
    blind = state(height_map=np.full(4, np.nan))
    assert StateCheck(ROBOT, ('joints', 'imu', 'odom')).check(blind) == ()
    assert StateCheck(ROBOT).check(blind) != ()
    assert StateCheck(ROBOT).check(replace(state(), height_map=None)) == ()


def test_a_fixed_base_is_asked_for_joints_alone():
    arm = replace(ROBOT, base='fixed', height_map=None)
    check = StateCheck(arm)
    pose = {'joint_pos': np.array([0.5, 0.5]), 'joint_vel': np.zeros(2)}
    assert check.check(RobotState(stamp_ns=0, **pose)) == ()
    assert check.check(RobotState(stamp_ns=20 * MS, **pose)) == ()  # no turn to be far off
    beyond = RobotState(stamp_ns=40 * MS, **{**pose, 'joint_pos': np.array([9.0, 0.5])})
    assert [one.what for one in check.check(beyond)] == ['joint_states: position of hip']
    assert StateCheck(ROBOT).check(RobotState(stamp_ns=0, **pose)) != ()
