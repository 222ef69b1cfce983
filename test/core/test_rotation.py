import math

import numpy as np
import pytest

from simdist_ros.core.rotation import from_body, into_body, perturb, projected_gravity, tilt, yaw

LEFT = np.array([math.cos(0.4), 0.0, 0.0, math.sin(0.4)])  # 0.8 rad about z
NOSE_DOWN = np.array([math.cos(0.15), 0.0, math.sin(0.15), 0.0])  # 0.3 rad about y


def test_yaw_is_the_turn_to_the_left():
    assert yaw(LEFT) == pytest.approx(0.8)
    assert yaw(NOSE_DOWN) == pytest.approx(0.0)


def test_tilt_leaves_yaw_out():
    assert tilt(projected_gravity(LEFT)) == pytest.approx(0.0, abs=1e-7)
    assert tilt(projected_gravity(NOSE_DOWN)) == pytest.approx(0.3)


@pytest.mark.parametrize('angle', [0.0, 0.3, 1.5, 3.0])
@pytest.mark.parametrize('axis', [[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]])
def test_tilt_is_the_angle_by_which_the_base_is_tipped(angle, axis):
    quaternion = np.array([np.cos(angle / 2), *(np.sin(angle / 2) * np.array(axis)), 0.0])
    assert tilt(projected_gravity(quaternion)) == pytest.approx(angle, abs=1e-6)


def test_the_tilt_of_an_unknown_orientation_is_unknown():
    assert np.isnan(tilt(projected_gravity(np.full(4, np.nan))))


def test_many_bodies_turn_exactly_as_each_alone():
    rng = np.random.default_rng(0)
    quaternions, vectors = rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 3, 3))
    for function in (into_body, from_body):
        many = function(quaternions, vectors)
        for i in np.ndindex(2, 3):
            np.testing.assert_array_equal(many[i], function(quaternions[i], vectors[i]))
    gravity = projected_gravity(quaternions)
    np.testing.assert_array_equal(gravity[1, 2], projected_gravity(quaternions[1, 2]))


def test_from_body_turns_by_the_right_hand_rule():
    ahead = np.array([1.0, 0.0, 0.0])
    assert from_body(LEFT, ahead) == pytest.approx([math.cos(0.8), math.sin(0.8), 0.0])


def test_into_body_turns_gravity_as_the_observation_does():
    quaternion = perturb(LEFT, np.array([0.2, -0.3, 0.1]))
    down = np.array([0.0, 0.0, -1.0])
    assert into_body(quaternion, down) == pytest.approx(projected_gravity(quaternion))


def test_perturbing_by_nothing_changes_nothing():
    assert perturb(LEFT, np.zeros(3)) == pytest.approx(LEFT)


def test_perturbing_turns_by_the_angle_given():
    turned = perturb(LEFT, np.array([0.0, 0.0, 0.01]))
    assert yaw(turned) == pytest.approx(0.81, abs=1e-6)
