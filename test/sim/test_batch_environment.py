"""Many robots at once: what varies, what must not, and what a failure does."""

import dataclasses
import math

import numpy as np
import pytest

from simdist_ros.embodiment.action_space import JointTarget
from simdist_ros.jobs.errors import PretrainingError
from simdist_ros.pretraining.expert.curriculum import Curriculum
from simdist_ros.sim.batch.randomisation import draw_parameters
from simdist_ros.sim.batch.settings import Randomisation
from simdist_ros.sim.batch.vector_env import VectorEnv


def test_the_same_seed_gives_the_same_bits_whatever_the_threads(walkers):
    def walk(threads):
        env = walkers(seed=3, level=1.0, threads=threads)
        for _ in range(10):
            result = env.step(np.full((6, 12), 0.1))
        return env.state, result.observation.proprio_obs

    for once, again in zip(walk(1), walk(2), strict=True):
        assert np.array_equal(once, again)


def test_it_goes_on_from_a_saved_state_bit_by_bit(walkers):
    env, other = walkers(level=1.0, seed=1), walkers(seed=2)
    for _ in range(5):
        env.step(np.zeros((6, 12)))
    other.set_state(env.get_state())
    other.rng.bit_generator.state = env.rng.bit_generator.state
    for _ in range(5):
        one, two = env.step(np.zeros((6, 12))), other.step(np.zeros((6, 12)))
    assert np.array_equal(env.state, other.state)
    assert np.array_equal(one.observation.extero_obs, two.observation.extero_obs)
    assert np.array_equal(one.observation.privileged, two.observation.privileged)


def test_an_action_that_is_not_finite_is_refused(walkers):
    env = walkers()
    action = np.zeros((6, 12))
    action[2, 3] = np.nan
    before = env.state.copy()
    with pytest.raises(PretrainingError, match='an action is not finite'):
        env.step(action)
    assert np.array_equal(env.state, before)


def test_a_robot_whose_physics_fails_is_marked_and_the_others_walk_on(walkers):
    env = walkers()
    env.state[1, env.layout.velocity_at] = 1e12
    result = env.step(np.zeros((6, 12)))
    assert result.diverged.tolist() == [False, True, False, False, False, False]
    assert not result.terminated[1]
    assert np.isfinite(result.observation.proprio_obs[[0, 2, 3, 4, 5]]).all()
    env.reset(result.diverged)
    assert np.isfinite(env.state).all()
    assert not env.step(np.zeros((6, 12))).diverged.any()


def test_level_0_is_level_and_level_1_has_slopes_and_bumps(recipe):
    rng = np.random.default_rng(0)
    rough = np.arange(200) < 100
    easy = draw_parameters(recipe, np.zeros(200), rough, rng)
    assert easy['up'] == pytest.approx(np.tile([0.0, 0.0, 1.0], (200, 1)))
    assert not easy['bump_height_m'].any()
    hard = draw_parameters(recipe, np.ones(200), rough, rng)
    slope = np.degrees(np.arccos(hard['up'][:, 2]))
    assert 15.0 < slope.max() <= recipe.terrain.slope_deg
    assert 0.06 < hard['bump_height_m'].max() <= recipe.terrain.bump_height_m
    assert not hard['bump_height_m'][100:].any()
    assert (np.tan(np.radians(slope)) <= 0.751 * hard['friction'][:, 0]).all()
    half = draw_parameters(recipe, np.full(200, 0.5), rough, rng)
    assert not half['bump_height_m'].any()  # slopes come first


def test_what_is_drawn_is_what_the_models_have(walkers, go2):
    env = walkers(level=1.0)
    for i in range(env.num_robots):
        model, p = env.models.models[i], {k: v[i] for k, v in env.parameters.items()}
        assert model.geom('ground').friction[0] == p['friction'][0]
        assert model.opt.gravity == pytest.approx(-9.81 * p['up'])
        assert model.body_mass[1] == pytest.approx(6.921 + p['payload_kg'][0])
        gain = model.actuator_gainprm[env.models.actuators, 0]
        assert gain == pytest.approx(p['kp_scale'][0] * go2.per_joint('kp'))
        friction = model.dof_frictionloss[env.models.qvel]
        assert friction == pytest.approx(np.full(12, p['joint_friction_nm'][0]))
        assert p['joint_friction_nm'][0] > 0.0
        heavier = 1.0 + p['payload_kg'][0] / 6.921
        assert model.body_inertia[1] == pytest.approx(heavier * env.models.plane.body_inertia[1])


def test_a_model_depends_on_its_parameters_and_not_on_those_before(walkers):
    env = walkers(num_robots=3, level=1.0)
    assert (env.parameters['shift_m'] != 0.0).all()
    assert (env.parameters['payload_kg'] != 0.0).all()
    names = ('body_mass', 'body_inertia', 'body_ipos', 'dof_frictionloss', 'actuator_biasprm')
    kept = [{n: getattr(model, n).copy() for n in names} for model in env.models.models]
    for i in range(3):
        env.set_model(i)
        env.set_model(i)
        for name, values in kept[i].items():
            np.testing.assert_array_equal(getattr(env.models.models[i], name), values)


def test_a_push_changes_the_velocity_once(walkers):
    env = walkers()
    env.state[:, env.layout.velocity_at :] = 0.0
    env.next_push[:] = 0
    env.push()
    at = env.layout.velocity_at
    speed = np.linalg.norm(env.state[:, at : at + 2], axis=1)
    assert (speed > 0.0).all()
    again = env.state.copy()
    env.push()
    assert np.array_equal(env.state, again)


def test_a_delayed_observation_is_that_of_its_stamp(walkers):
    env = walkers(num_robots=2)
    env.delay[:] = [0, 1]
    for values in env.parameters.values():
        values[1] = values[0]
    env.state[1], env.stamp_ns[1] = env.state[0], env.stamp_ns[0]
    for i in range(2):
        env.set_model(i)
    env.next_push[:] = 1000
    seen = env.step(np.ones((2, 12))).observation.true_proprio_obs
    angle = np.arctan2(seen[:, -1], seen[:, -2])
    turned = (angle[0] - angle[1]) % (2 * math.pi)
    assert turned == pytest.approx(2 * math.pi * 0.005 / 0.5, abs=1e-5)
    assert not np.array_equal(seen[0, 9:21], seen[1, 9:21])


def test_where_plans_begin_a_step_later_an_action_acts_a_step_later(walkers):
    now, later = walkers(num_robots=3, level=1.0), walkers(num_robots=3, level=1.0)
    later.plan_delay[:] = 1
    held, *others = later.last_action.copy(), *np.random.default_rng(0).normal(size=(3, 3, 12))
    others = [0.3 * action for action in others]
    for sooner, action in zip([held, *others], others, strict=False):
        one, two = now.step(sooner), later.step(action)
        np.testing.assert_allclose(later.state, now.state, atol=1e-12)
        np.testing.assert_allclose(two.reward, one.reward, rtol=1e-4)
        np.testing.assert_allclose(later.executed, now.executed, atol=1e-12)
        # What is observed is the action of the step before the one to be decided.
        np.testing.assert_allclose(one.observation.last_action, sooner, atol=1e-6)
        np.testing.assert_allclose(two.observation.last_action, action, atol=1e-6)


def test_half_of_the_robots_have_the_delay_where_the_recipe_varies_it(go2, recipe, walkers):
    assert not walkers(num_robots=40).plan_delay.any()
    varied = VectorEnv(go2, recipe.widened(), num_robots=40, seed=0)
    assert set(varied.plan_delay) == {0, 1}
    assert 10 < varied.plan_delay.sum() < 30


def test_every_second_robot_stays_in_the_narrow_ranges(go2, recipe):
    wide = recipe.widened()
    env = VectorEnv(go2, wide, num_robots=40, seed=0, mixture=(wide, recipe))
    strength, low = env.parameters['strength'][:, 0], recipe.randomisation.strength_low
    assert (strength[1::2] >= low).all()
    assert (strength[::2] < low).sum() > 5
    assert env.plan_delay[1::2].any()  # what is no property of body and ground is the same for all
    faulty = dataclasses.replace(
        wide, randomisation=Randomisation(fault_share=1.0, fault_kp_low=0.5)
    )
    mixed = VectorEnv(go2, faulty, num_robots=40, seed=0, mixture=(faulty, recipe))
    weak = (mixed.parameters['joint_kp_scale'] < 1.0).any(axis=1)
    assert weak.tolist() == [i % 2 == 0 for i in range(40)]
    kept = env.parameters['friction'].copy()
    env.reset(np.arange(40) == 6)
    assert np.flatnonzero((env.parameters['friction'] != kept)[:, 0]).tolist() == [6]


def test_an_added_mass_lies_above_the_base_and_a_missing_one_does_not(go2, recipe):
    env = VectorEnv(go2, recipe.widened(), num_robots=8, seed=0)
    height, base_kg = recipe.widened().randomisation.payload_height_m, 6.921
    env.parameters['shift_m'][:] = 0.0
    env.parameters['payload_kg'][:2, 0] = 4.0, -0.5
    for i in range(2):
        env.set_model(i)
    raised = [
        env.models.models[i].body_ipos[1, 2] - env.models.plane.body_ipos[1, 2] for i in (0, 1)
    ]
    assert raised == pytest.approx([height * 4.0 / (base_kg + 4.0), 0.0])


def test_a_good_episode_raises_the_level_and_a_fall_lowers_it(walkers):
    env = walkers(num_robots=3, episode_steps=4)
    env.levels[:] = 0.5
    curriculum = Curriculum(env)
    env.next_command[:] = env.next_push[:] = 1000
    env.commands[:] = 0.0
    env.state[:, env.layout.velocity_at :] = 0.0
    env.commands[1] = [1.5, 0.5, 0.0]  # which nobody follows by standing still
    for _ in range(4):
        result = env.step(
            JointTarget(env.robot).from_joints(env.robot.per_joint('stand')) * np.ones((3, 1))
        )
        if env.steps[0] == 4:
            result.terminated[2], result.truncated[2] = True, False
        curriculum.after(result)
    assert env.levels == pytest.approx([0.6, 0.5, 0.4])
