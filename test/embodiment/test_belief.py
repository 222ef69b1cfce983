"""Beliefs: what their numbers mean, and how they look in the mirror."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from simdist_ros.embodiment.belief import BeliefSpace, in_words, physical_value
from simdist_ros.embodiment.joint_mirror import JointMirror

SPACE = BeliefSpace(('L', 'R'), ('LF', 'RF'))
JOINTS = {'L': JointMirror(mirror='R', sign=-1.0), 'R': JointMirror(mirror='L', sign=-1.0)}
FEET = {'LF': 'RF', 'RF': 'LF'}


def healthy(n=1, feet=2):
    return {
        'joint_strength': np.ones((n, 2)),
        'joint_zero_offset_rad': np.zeros((n, 2)),
        'joint_added_friction_nm': np.zeros((n, 2)),
        'joint_kp_scale': np.ones((n, 2)),
        'joint_kd_scale': np.ones((n, 2)),
        'foot_friction': np.zeros((n, feet)),
        'lag_steps': np.zeros((n, 1)),
        'fault_payload_kg': np.zeros((n, 1)),
        'fault_payload_at_m': np.zeros((n, 2)),
    }


def test_a_robot_as_described_has_a_belief_of_zeros():
    assert SPACE.size == len(SPACE.names) == 16
    assert (SPACE.of(healthy(3)) == np.zeros((3, 16), np.float32)).all()
    elsewhere = healthy() | {'fault_payload_at_m': np.array([[0.2, 0.1]])}
    assert (SPACE.of(elsewhere) == 0.0).all()


@pytest.mark.parametrize(
    ('parameter', 'at', 'value', 'name', 'number'),
    [
        ('joint_strength', 1, 0.3, 'strength.R', 1.4),
        ('joint_zero_offset_rad', 0, -0.4, 'zero_offset.L', -2.0),
        ('joint_added_friction_nm', 1, 6.0, 'friction.R', 2.0),
        ('joint_kp_scale', 0, 0.5, 'kp.L', 1.0),
        ('joint_kd_scale', 1, np.e, 'kd.R', 1.0),
        ('foot_friction', 1, 0.1, 'foot_friction.RF', 0.9),
        ('lag_steps', 0, 3.0, 'lag', 1.5),
        ('fault_payload_kg', 0, 10.0, 'payload_kg', 2.0),
    ],
)
def test_a_fault_is_one_number_that_means_it(parameter, at, value, name, number):
    faulty = healthy()
    faulty[parameter][0, at] = value
    belief = SPACE.of(faulty)[0]
    assert dict(zip(SPACE.names, belief, strict=True))[name] == pytest.approx(number, abs=1e-6)
    assert np.count_nonzero(belief) == 1
    assert physical_value(name, number) == pytest.approx(value)


def test_where_a_load_is_counts_by_its_weight():
    loaded = healthy() | {
        'fault_payload_kg': np.array([[10.0]]),
        'fault_payload_at_m': np.array([[0.1, -0.2]]),
    }
    assert SPACE.of(loaded)[0, -3:].tolist() == pytest.approx([2.0, 2.0, -4.0])


def test_the_mirror_exchanges_sides_and_turns_what_points_to_one():
    mirror = SPACE.mirror(JOINTS, FEET)
    names = list(SPACE.names)
    for name, image, sign in [
        ('strength.L', 'strength.R', 1.0),
        ('zero_offset.L', 'zero_offset.R', -1.0),
        ('kd.R', 'kd.L', 1.0),
        ('foot_friction.LF', 'foot_friction.RF', 1.0),
        ('payload_x', 'payload_x', 1.0),
        ('payload_y', 'payload_y', -1.0),
    ]:
        belief = torch.zeros(SPACE.size)
        belief[names.index(name)] = 1.0
        expected = torch.zeros(SPACE.size)
        expected[names.index(image)] = sign
        assert torch.equal(mirror(belief), expected)
        assert torch.equal(mirror(mirror(belief)), belief)


def test_an_arm_has_no_feet_in_its_beliefs():
    arm = BeliefSpace(('L', 'R'))
    assert not any('foot' in name for name in arm.names)
    assert arm.of(healthy(feet=0)).shape == (1, arm.size)
    assert len(arm.mirror(JOINTS, {}).index) == arm.size


def test_a_belief_is_told_by_its_largest_numbers():
    belief = np.zeros(16)
    belief[SPACE.names.index('strength.R')] = 1.3
    belief[SPACE.names.index('zero_offset.L')] = -2.0
    assert in_words(SPACE.names, belief, 2) == [
        'encoder of L reads -0.40 rad too much',
        'R has 0.35 of its torque',
    ]
    assert physical_value('strength.L', 3.0) == 0.0


def test_the_robots_of_a_belief_are_those_of_whom_it_is_true():
    """The inverse, for a number of each kind at once: 0.5 each, lag a whole step."""
    beliefs = np.array([np.full(16, 0.5), np.zeros(16)], np.float32)
    beliefs[0, list(SPACE.names).index('zero_offset.R')] = -1.5
    beliefs[0, -1] = -0.6  # a load to the right
    robots = SPACE.parameters(beliefs)
    np.testing.assert_allclose(SPACE.of(robots), beliefs, atol=1e-6)
    assert {name: values.shape for name, values in robots.items()} == {
        name: values.shape for name, values in healthy(2).items()
    }
    assert robots['joint_strength'][0].tolist() == [0.75, 0.75]
    assert robots['joint_zero_offset_rad'][0] == pytest.approx([0.1, -0.3])
    assert robots['lag_steps'].tolist() == [[1.0], [0.0]]
    assert robots['fault_payload_at_m'][0] == pytest.approx([0.1, -0.12])
    for name, values in healthy(1).items():
        np.testing.assert_array_equal(robots[name][1:], values)


@pytest.mark.parametrize(
    ('name', 'number', 'parameter', 'value'),
    [
        ('strength.L', 2.9, 'joint_strength', 0.0),
        ('strength.L', -3.0, 'joint_strength', 2.0),
        ('friction.L', -0.5, 'joint_added_friction_nm', 0.0),
        ('kp.L', 3.0, 'joint_kp_scale', 0.0),
        ('kd.L', 3.0, 'joint_kd_scale', 3.0),
        ('foot_friction.LF', 1.5, 'foot_friction', 0.01),  # 0 would be that of the ground
        ('foot_friction.LF', -0.5, 'foot_friction', 0.0),
        ('lag', -0.4, 'lag_steps', 0.0),
        ('lag', 0.8, 'lag_steps', 2.0),  # whole steps
        ('payload_kg', -0.5, 'fault_payload_kg', 0.0),
        ('payload_x', 1.0, 'fault_payload_at_m', 0.0),  # without a load
    ],
)
def test_what_no_robot_can_have_is_taken_to_the_nearest_that_it_can(
    name, number, parameter, value
):
    beliefs = np.zeros((1, SPACE.size))
    beliefs[0, list(SPACE.names).index(name)] = number
    robots = SPACE.parameters(beliefs)
    assert robots[parameter][0, 0] == pytest.approx(value)


def test_a_load_lies_on_the_robot():
    beliefs = np.zeros((1, SPACE.size))
    beliefs[0, -3:] = 0.1, 3.0, -0.1  # half a kilogram, 1.5 kg m ahead
    assert SPACE.parameters(beliefs)['fault_payload_at_m'][0] == pytest.approx([0.4, -0.1])


def test_the_first_numbers_are_about_joints():
    assert SPACE.is_of_joint.tolist() == [True] * 10 + [False] * 6
