"""How well a velocity follows its command."""

from __future__ import annotations

import numpy as np
import pytest

from simdist_ros.embodiment.robot import load_robot
from simdist_ros.tasks.velocity.following import (
    STARTING_S,
    following,
    gait_steps,
    smoothed,
    tracking_error,
)

ROBOT = load_robot('go2')  # 50 Hz, a gait of 25 steps
SKIPPED = round(STARTING_S * 50)


def test_the_score_falls_with_the_distance_in_tolerances():
    wanted = np.array([[0.5, 0.0]])
    reached = wanted + np.array([[0.0, 0.0], [0.3, 0.4], [-0.3, 0.4]])
    np.testing.assert_allclose(following(reached, wanted, 0.5), [1.0, np.exp(-1), np.exp(-1)])
    np.testing.assert_allclose(following(reached, wanted, 0.25), [1.0, np.exp(-4), np.exp(-4)])


def test_an_average_ends_at_its_last_step():
    rows = np.array([[0.0], [2.0], [4.0], [9.0]])
    np.testing.assert_allclose(smoothed(rows, 2), [[1.0], [3.0], [6.5]])


def test_the_error_is_that_of_the_velocity_averaged_over_a_gait():
    steps = np.arange(200)
    sway = np.sin(2 * np.pi * steps / gait_steps(ROBOT))
    velocity = np.stack([0.4 + sway, sway], axis=1)
    assert tracking_error(ROBOT, velocity, np.array([0.5, 0.0])) == pytest.approx(0.1)


def test_the_first_second_does_not_count_and_the_step_after_it_does():
    velocity = np.tile([0.5, 0.0], (SKIPPED + 25, 1))
    velocity[:SKIPPED] = 9.0
    assert tracking_error(ROBOT, velocity, np.array([0.5, 0.0])) == pytest.approx(0.0)
    velocity[SKIPPED] += [0.0, 25.0]
    assert tracking_error(ROBOT, velocity, np.array([0.5, 0.0])) == pytest.approx(1.0)


def test_the_command_of_each_average_is_that_of_its_last_step():
    velocity = np.zeros((SKIPPED + 26, 2))
    wanted = np.zeros_like(velocity)
    wanted[-1] = [0.6, 0.8]
    assert tracking_error(ROBOT, velocity, wanted) == pytest.approx(0.5)  # of 0 and 1


def test_a_walk_that_ended_before_has_no_error():
    assert np.isnan(tracking_error(ROBOT, np.zeros((SKIPPED + 24, 2)), np.zeros(2)))
