import math

import numpy as np
import pytest

from simdist_ros.core.rotation import into_body, perturb, tilt
from simdist_ros.embodiment.observation import projected_gravity
from simdist_ros.tasks.velocity.heading import yaw

LEFT = np.array([math.cos(0.4), 0.0, 0.0, math.sin(0.4)])  # 0.8 rad about z
NOSE_DOWN = np.array([math.cos(0.15), 0.0, math.sin(0.15), 0.0])  # 0.3 rad about y


def test_yaw_is_the_turn_to_the_left():
    assert yaw(LEFT) == pytest.approx(0.8)
    assert yaw(NOSE_DOWN) == pytest.approx(0.0)


def test_tilt_leaves_yaw_out():
    assert tilt(LEFT) == pytest.approx(0.0, abs=1e-7)
    assert tilt(NOSE_DOWN) == pytest.approx(0.3)


def test_into_body_turns_gravity_as_the_observation_does():
    quaternion = perturb(LEFT, np.array([0.2, -0.3, 0.1]))
    down = np.array([0.0, 0.0, -1.0])
    assert into_body(quaternion, down) == pytest.approx(projected_gravity(quaternion))


def test_perturbing_by_nothing_changes_nothing():
    assert perturb(LEFT, np.zeros(3)) == pytest.approx(LEFT)


def test_perturbing_turns_by_the_angle_given():
    turned = perturb(LEFT, np.array([0.0, 0.0, 0.01]))
    assert yaw(turned) == pytest.approx(0.81, abs=1e-6)
