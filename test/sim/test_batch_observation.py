"""The batch sees what one robot's own functions say, and what rays say of the ground."""

import dataclasses
import math

import mujoco
import numpy as np
import pytest

from simdist_ros.core.rotation import from_body, into_body, yaw
from simdist_ros.embodiment.observation import RobotState, extero_obs, proprio_obs
from simdist_ros.sim.batch.bumps import PERIOD_M, draw_bumps, ground_height
from simdist_ros.sim.height_scan import HeightScan


def turned(rng):
    """A random orientation that is not upside down."""
    axis = rng.uniform(-0.2, 0.2, 3) + [0.0, 0.0, rng.uniform(-3.0, 3.0)]
    angle = np.linalg.norm(axis)
    return np.concatenate([[math.cos(angle / 2)], axis / angle * math.sin(angle / 2)])


def scatter(env, rng):
    """Put robots anywhere, in any pose, on ground whose vertical is the z axis."""
    env.parameters['up'][:] = [0.0, 0.0, 1.0]
    env.state[:, 1:4] = rng.uniform(-3.0, 3.0, (env.num_robots, 3)) * [1.0, 1.0, 0.0] + [0, 0, 0.4]
    env.state[:, 4:8] = [turned(rng) for _ in range(env.num_robots)]
    env.state[:, 1 + env.models.qpos] += rng.uniform(-0.3, 0.3, (env.num_robots, 12))
    env.state[:, env.layout.velocity_at :] = rng.normal(size=(env.num_robots, 18))


def state_of_one(env, i, height_map):
    q = env.state[i, 4:8]
    at = env.layout.velocity_at
    return RobotState(
        stamp_ns=int(env.stamp_ns[i]),
        joint_pos=env.state[i, 1 + env.models.qpos],
        joint_vel=env.state[i, at + env.models.qvel],
        orientation=q,
        angular_velocity=env.state[i, at + 3 : at + 6],
        linear_velocity=into_body(q, env.state[i, at : at + 3]),
        height_map=height_map,
    )


def test_a_batch_observes_what_each_robot_would(walkers, go2):
    env = walkers(level=1.0)
    scatter(env, np.random.default_rng(0))
    seen = env.observe(env.state, env.stamp_ns)
    heights = env.ground.heights(env.batch_state(env.state, env.stamp_ns))
    assert len(env.ground.bumps) > 0
    for i in range(env.num_robots):
        state = state_of_one(env, i, heights[i])
        assert seen.true_proprio_obs[i] == pytest.approx(proprio_obs(go2, state), abs=1e-6)
        assert seen.true_extero_obs[i] == pytest.approx(extero_obs(go2, state), abs=1e-6)


def test_the_ground_looked_up_is_the_ground_that_rays_hit(walkers, go2):
    env = walkers(level=1.0)
    scatter(env, np.random.default_rng(1))
    heights = env.ground.heights(env.batch_state(env.state, env.stamp_ns))
    for i in sorted(env.ground.bumps):
        model = env.models.models[i]
        model.geom('ground').group = 1
        data = mujoco.MjData(model)
        mujoco.mj_forward(model, data)
        scan = HeightScan(model, data).scan(
            env.state[i, 1:4], yaw(env.state[i, 4:8]), go2.height_map.cells()
        )
        assert heights[i] == pytest.approx(scan, abs=1e-5)


def test_on_a_tilted_plane_the_map_is_what_trigonometry_says(walkers, go2):
    env = walkers(num_robots=2)
    angle = math.radians(15.0)  # gravity pulls towards -x: the ground rises along x
    env.parameters['up'][:] = [math.sin(angle), 0.0, math.cos(angle)]
    env.state[:, 1:4] = [0.0, 0.0, 0.3]
    env.state[:, 4:8] = [1.0, 0.0, 0.0, 0.0]
    heights = env.ground.heights(env.batch_state(env.state, env.stamp_ns))[0]
    cells = go2.height_map.cells()
    below = 0.3 / math.cos(angle)
    assert heights == pytest.approx(below - cells[:, 0] * math.tan(angle), abs=1e-9)


def test_gravity_is_seen_tilted_on_a_slope(walkers):
    env = walkers(num_robots=2)
    env.parameters['up'][:] = [math.sin(0.2), 0.0, math.cos(0.2)]
    env.state[:, 4:8] = [1.0, 0.0, 0.0, 0.0]
    seen = env.observe(env.state, env.stamp_ns)
    assert seen.true_proprio_obs[0, 6:9] == pytest.approx([-math.sin(0.2), 0.0, -math.cos(0.2)])


def test_the_ground_repeats_without_a_seam():
    bumps = draw_bumps(3)[None]
    x = np.random.default_rng(0).uniform(-3.0, 3.0, (1, 50))
    here, there = (ground_height(bumps, x + d, -x) for d in (0.0, PERIOD_M))
    assert here == pytest.approx(there, abs=1e-6)


def test_wrapping_changes_nothing_that_is_observed(walkers):
    env = walkers(level=1.0)
    env.state[:, 1] = PERIOD_M / 2 + 0.01
    before = env.observe(env.state, env.stamp_ns).true_extero_obs
    env.wrap()
    after = env.observe(env.state, env.stamp_ns).true_extero_obs
    assert (np.abs(env.state[:, 1]) <= PERIOD_M / 2).all()
    assert after == pytest.approx(before, abs=1e-5)


def test_noise_stays_within_its_limits_and_leaves_the_clock_alone(walkers, recipe):
    env = walkers()
    error = env.observation.proprio_obs - env.observation.true_proprio_obs
    assert np.abs(error).max(axis=0)[-2:] == pytest.approx(0.0)
    assert (np.abs(error) <= env.observer.amplitude + 1e-6).all()
    assert np.abs(error[:, 21:33]).max() > 0.5 * recipe.noise.joint_vel
    quiet = dataclasses.replace(recipe.noise, height_map=0.0, missing=0.0)
    env.observer.noise = quiet
    seen = env.observe(env.state, env.stamp_ns)
    assert seen.extero_obs == pytest.approx(seen.true_extero_obs)


def test_into_body_undoes_from_body():
    rng = np.random.default_rng(0)
    q = np.stack([turned(rng) for _ in range(5)])
    v = rng.normal(size=(5, 3))
    assert into_body(q, from_body(q, v)) == pytest.approx(v)
