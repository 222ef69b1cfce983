"""What a batch knows of the ground below it, and how its sensors err about it."""

from __future__ import annotations

import dataclasses
import math
from types import SimpleNamespace

import numpy as np
import pytest

from simdist_ros.sim.batch.batch_observation import Observer
from simdist_ros.sim.batch.bumps import CELL_M, CELLS
from simdist_ros.sim.batch.footing import find_footing
from simdist_ros.sim.batch.ground import BatchGround
from simdist_ros.sim.batch.privileged_observation import privileged_obs

RNG = np.random.default_rng


@pytest.fixture
def ground(go2):
    """Robot 0 of two stands between bumps, robot 1 on a plane."""
    ground = BatchGround(go2)
    bumps = np.zeros((CELLS, CELLS), dtype=np.float32)
    corner = CELLS // 2 + math.floor(0.25 / CELL_M)  # 0.25 m ahead and to the left
    bumps[corner : corner + 2, corner : corner + 2] = 0.08
    ground.put(0, bumps)
    return ground


def test_a_robot_starts_above_the_highest_bump_within_its_reach(ground):
    assert ground.highest_below(0, np.zeros(2)) == pytest.approx(0.08)
    assert ground.highest_below(0, np.array([-1.0, 0.0])) == 0.0
    assert ground.highest_below(1, np.zeros(2)) == 0.0


def test_a_foot_is_as_high_as_its_lowest_point_is_over_the_bump_below_it(ground):
    position = np.tile([0.25, 0.25, 0.2], (2, 1, 1))
    height = ground.foot_height(position, np.array([0.02]))
    assert height[:, 0] == pytest.approx([0.2 - 0.02 - 0.08, 0.2 - 0.02])


def test_on_a_slope_a_base_is_as_high_as_it_is_above_the_ground_not_along_gravity(walkers):
    env = walkers(num_robots=2)
    env.parameters['up'][:] = [math.sin(0.4), 0.0, math.cos(0.4)]
    env.state[:, 1:4] = [0.0, 0.0, 0.3]
    env.state[:, 4:8] = [1.0, 0.0, 0.0, 0.0]
    state = env.batch_state(env.state, env.stamp_ns)
    found = env.ground.base_height(state, env.ground.heights(state))
    assert found == pytest.approx([0.3, 0.3], abs=0.01)


def test_a_foot_slips_along_the_ground_alone_and_bears_above_a_newton():
    felt = np.zeros((1, 2, 7))
    felt[0, :, 3:6] = [[3.0, 4.0, 12.0], [0.0, 0.0, 1.0]]
    felt[0, :, 6] = [0.5, 1.5]
    sensors = np.concatenate([felt.reshape(1, -1), [[2.0]]], axis=1)
    level = SimpleNamespace(
        base_height=lambda state, heights: np.zeros(1),
        foot_height=lambda position, radius: position[..., 2],
    )
    found = find_footing(level, None, np.zeros((1, 1)), sensors, np.zeros(2))
    assert found.foot_speed.tolist() == [[5.0, 0.0]]
    assert found.foot_contact.tolist() == [[False, True]]
    assert found.trunk_contact.tolist() == [True]


def test_the_critic_is_told_each_parameter_in_its_place(go2):
    one = np.ones((1, 1))
    parameters = {
        'friction': 0.7 * one,
        'payload_kg': 1.5 * one,
        'kp_scale': 1.1 * one,
        'kd_scale': 0.8 * one,
        'strength': 0.9 * one,
        'joint_friction_nm': 0.02 * one,
        'bump_height_m': 0.03 * one,
    }
    footing = SimpleNamespace(
        base_height=np.array([go2.base_height_m - 0.04]),
        foot_contact=np.array([[True, False]]),
        foot_height=np.array([[0.05, 9.0]]),
    )
    seen = SimpleNamespace(orientation=np.array([[1.0, 0.0, 0.0, 0.0]]))
    found = privileged_obs(go2, seen, footing, parameters)[0]
    expected = [0, 0, 1, 0.7, 0.5, 1.0, -2.0, 0.9, 0.4, 0.6, -0.4, 1, 0, 0.5, 2.0]
    assert found == pytest.approx(expected, abs=1e-6)


def test_sensors_err_to_both_sides_up_to_their_limits(go2, recipe):
    observer = Observer(go2, recipe.noise)
    error = observer.noisy(np.zeros((5000, len(observer.amplitude)), np.float32), RNG(0))
    assert error.max(axis=0) == pytest.approx(observer.amplitude, rel=0.01)
    assert error.min(axis=0) == pytest.approx(-observer.amplitude, rel=0.01)
    seeing = dataclasses.replace(recipe.noise, height_map=0.05, missing=0.0)
    grid = go2.height_map
    heights = np.full((50, len(grid.cells())), grid.offset_m)
    error = Observer(go2, seeing).extero({'height_map': heights}, RNG(0))
    assert error.max() == pytest.approx(0.05, rel=0.01)
    assert error.min() == pytest.approx(-0.05, rel=0.01)


def test_a_cell_that_is_not_seen_is_as_high_as_the_others_around_the_same_robot(go2, recipe):
    blind = dataclasses.replace(recipe.noise, height_map=0.0, missing=0.3)
    level = np.linspace(-0.1, 0.1, 5)[:, None]
    heights = go2.height_map.offset_m + level + np.zeros((5, len(go2.height_map.cells())))
    heights[:, 0] += 0.05
    found = Observer(go2, blind).extero({'height_map': heights}, RNG(0))
    assert found[:, 1:] == pytest.approx(level + np.zeros((5, found.shape[1] - 1)), abs=1e-6)
