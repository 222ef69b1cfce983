"""A batch of robots as a belief describes one, and healthy ones between them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from simdist_ros.embodiment.action_space import JointTarget
from simdist_ros.pretraining.expert.networks import belief_space
from simdist_ros.sim.batch.known_robots import KnownRobots
from simdist_ros.sim.batch.robot_faults import HEALTHY
from simdist_ros.sim.batch.vector_env import VectorEnv


@pytest.fixture(scope='module')
def space(go2, recipe):
    return belief_space(go2, recipe)


@pytest.fixture
def belief(space):
    """All motors weak, the rear left foot slippery, a step of lag and a load to the left."""
    names = list(space.names)
    belief = np.zeros(space.size)
    belief[:12] = 1.4
    belief[names.index('foot_friction.RL_foot')] = 0.8
    belief[names.index('lag')] = 0.5
    belief[-3:] = 1.0, 0.0, 0.8
    return belief


def make_env(go2, recipe, known, **kwargs):
    return VectorEnv(go2, recipe.leveled(), num_robots=8, seed=0, known=known, **kwargs)


def test_the_robots_of_a_batch_are_those_of_the_belief(go2, recipe, space, belief):
    env = make_env(go2, recipe, KnownRobots(space=space, belief=belief))
    truth = space.of(env.parameters)
    np.testing.assert_allclose(truth, np.tile(belief, (8, 1)), atol=1e-6)
    limits = [model.actuator_forcerange[env.models.actuators, 1] for model in env.models.models]
    expected = 0.3 * env.parameters['strength'] * go2.per_joint('max_torque')
    np.testing.assert_allclose(limits, expected, rtol=1e-6)
    assert len(np.unique(env.parameters['friction'])) == 8  # all else is drawn as ever


def test_a_lag_that_is_believed_delays_what_acts(go2, recipe, space, belief):
    env = make_env(go2, recipe, KnownRobots(space=space, belief=belief, healthy_every=2))
    env.plan_delay[:] = 0
    first = env.advance(JointTarget(env.robot).to_joints(np.full((8, 12), 0.3)))
    assert np.ptp(first[1::2], axis=0).max() < 1e-12  # told and acting at once
    assert (first[1::2] != first[0]).all()
    second = env.advance(JointTarget(env.robot).to_joints(np.zeros((8, 12))))
    np.testing.assert_allclose(
        second[::2], JointTarget(env.robot).to_joints(np.full((4, 12), 0.3))
    )


def test_every_fourth_robot_is_healthy(go2, recipe, space, belief):
    known = KnownRobots(space=space, belief=belief, healthy_every=4, noise=0.3)
    env = make_env(go2, recipe, known)
    healthy = np.arange(8) % 4 == 3
    for name, value in HEALTHY.items():
        assert (env.parameters[name][healthy] == value).all()
    assert not space.of(env.parameters)[healthy].any()
    assert (env.parameters['joint_strength'][~healthy] < 0.9).any(axis=1).all()
    env.reset(np.arange(8) == 2)  # by their number, whoever begins anew
    assert (env.parameters['joint_strength'][2] < 1.0).any()


def test_a_blur_scales_the_whole_belief_and_adds_noise_to_its_numbers(space, belief):
    known = KnownRobots(space=space, belief=belief, scale=(0.8, 1.2))
    rng = np.random.default_rng(0)
    numbers = space.of(known.draw(np.arange(4000), rng))[:, :12] / 1.4
    assert np.ptp(numbers, axis=1).max() < 1e-5  # one factor for all of a robot
    assert (numbers.min(), numbers.max()) == pytest.approx((0.8, 1.2), abs=1e-3)
    noisy = dataclasses.replace(known, scale=(1.0, 1.0), noise=0.1)
    numbers = space.of(noisy.draw(np.arange(4000), rng))[:, :12]
    assert numbers.mean() == pytest.approx(1.4, abs=0.01)
    assert numbers.std() == pytest.approx(0.1, abs=0.005)
    assert abs(np.corrcoef(numbers[:, 0], numbers[:, 1])[0, 1]) < 0.05


def test_small_numbers_about_feet_are_left_out_and_those_about_joints_are_not(space):
    known = KnownRobots(space=space, belief=np.full(space.size, 0.15), ignores=0.2, noise=0.01)
    drawn = known.draw(np.arange(50), np.random.default_rng(0))
    assert not drawn['foot_friction'].any()
    assert not drawn['lag_steps'].any()
    assert not drawn['fault_payload_kg'].any()
    assert (drawn['joint_strength'] < 0.98).all()


def test_without_known_robots_the_same_are_drawn_as_ever(go2, recipe, space):
    """The seam draws nothing of its own."""
    usual = make_env(go2, recipe, None)
    described = make_env(go2, recipe, KnownRobots(space=space, belief=np.zeros(space.size)))
    assert not space.of(usual.parameters).any()
    for name in ('friction', 'payload_kg'):  # drawn before
        np.testing.assert_array_equal(usual.parameters[name], described.parameters[name])
