"""Faults of one joint or of one leg in a batch: who has them, and what physics makes of them."""

import dataclasses

import mujoco
import numpy as np
import pytest

from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.action_space import JointTarget
from simdist_ros.embodiment.observation_terms import term_slice
from simdist_ros.sim.batch.randomisation import joint_drives
from simdist_ros.sim.batch.robot_faults import HEALTHY, draw_faults, fault_sizes
from simdist_ros.sim.batch.settings import Randomisation
from simdist_ros.sim.batch.vector_env import VectorEnv

LEGS = [np.arange(3 * leg, 3 * leg + 3) for leg in range(4)]
EVERY_KIND = Randomisation(
    fault_share=0.5,
    fault_strength_low=0.3,
    fault_kp_low=0.4,
    fault_kd_low=0.5,
    fault_friction_nm=2.0,
    fault_zero_offset_rad=0.2,
)
LOWEST = {
    'joint_strength': 0.3,
    'joint_kp_scale': 0.4,
    'joint_kd_scale': 0.5,
    'joint_added_friction_nm': 0.0,
    'joint_zero_offset_rad': -0.2,
}
HIGHEST = {**HEALTHY, 'joint_added_friction_nm': 2.0, 'joint_zero_offset_rad': 0.2}


def draw(randomisation, n=4000):
    return draw_faults(randomisation, LEGS, 4, n, np.random.default_rng(0))


def test_without_a_share_nothing_is_drawn_and_all_joints_are_healthy():
    rng = np.random.default_rng(0)
    found = draw_faults(Randomisation(), LEGS, 4, 5, rng)
    sizes = fault_sizes(12, 4)
    assert {name: values.shape for name, values in found.items()} == {
        name: (5, size) for name, size in sizes.items()
    }
    assert {name: set(values.ravel()) for name, values in found.items()} == {
        name: {HEALTHY.get(name, 0.0)} for name in sizes
    }
    assert rng.random() == np.random.default_rng(0).random()


def test_the_share_of_robots_has_one_fault_each_of_one_joint_or_one_leg():
    found = draw(EVERY_KIND)
    faulty = {name: found[name] != value for name, value in HEALTHY.items()}
    others = found.keys() - HEALTHY.keys()
    assert len(others) == 4
    assert not any(found[name].any() for name in others)
    kinds = np.stack([mask.any(axis=1) for mask in faulty.values()])
    assert set(kinds.sum(axis=0)) == {0, 1}
    assert kinds.sum() / 4000 == pytest.approx(0.5, abs=0.03)
    assert kinds.sum(axis=1) / kinds.sum() == pytest.approx(np.full(5, 0.2), abs=0.03)
    places = np.any(list(faulty.values()), axis=0)
    sizes = places.sum(axis=1)
    assert set(sizes) == {0, 1, 3}
    assert (sizes == 3).sum() / (sizes > 0).sum() == pytest.approx(0.5, abs=0.04)
    assert {np.flatnonzero(row)[0] % 3 for row in places[sizes == 3]} == {0}  # a whole leg
    assert (places[sizes == 1].sum(axis=0) > 40).all()  # each joint


@pytest.mark.parametrize('name', HEALTHY)
def test_each_kind_spans_its_range(name):
    values = draw(EVERY_KIND)[name]
    span = HIGHEST[name] - LOWEST[name]
    assert LOWEST[name] <= values.min() < LOWEST[name] + 0.05 * span
    assert HIGHEST[name] - 0.05 * span < values.max() <= HIGHEST[name]


@pytest.mark.parametrize('name', HEALTHY)
def test_joints_of_a_leg_share_a_fault_but_each_has_a_zero_of_its_own(name):
    values = draw(EVERY_KIND)[name]
    legs = values[(values != HEALTHY[name]).sum(axis=1) == 3]
    assert len(legs) > 50
    differ = {len(set(row)) - 1 for row in legs}  # beside the value of the healthy joints
    assert differ == {3 if name == 'joint_zero_offset_rad' else 1}


def test_a_kind_without_a_range_is_never_drawn():
    found = draw(Randomisation(fault_share=1.0, fault_kp_low=0.5))
    assert (found['joint_kp_scale'] < 1.0).any(axis=1).all()
    others = {name: values for name, values in found.items() if name != 'joint_kp_scale'}
    assert all((values == HEALTHY.get(name, 0.0)).all() for name, values in others.items())


def test_a_share_without_any_range_is_refused():
    with pytest.raises(ConfigError, match=r'fault_share is 0\.5, but no fault has a range; set'):
        Randomisation(fault_share=0.5)


def test_legs_are_the_joints_that_hang_on_one_body_of_the_base(walkers):
    assert [limb.tolist() for limb in walkers().models.limbs] == [leg.tolist() for leg in LEGS]


@pytest.fixture
def pair(walkers):
    """Build two robots that are alike but for the fault of one joint of the second."""

    def build(name, value, joint=4):
        env = walkers(num_robots=2)
        for values in env.parameters.values():
            values[1] = values[0]
        env.state[1], env.stamp_ns[1], env.delay[:] = env.state[0], env.stamp_ns[0], 0
        env.next_push[:] = 1000
        env.last_action[1] = env.executed[1] = env.last_action[0]
        env.parameters[name][1, joint] = value
        for i in range(2):
            env.set_model(i)
        return env

    return build


def test_a_weak_joint_has_less_torque_and_the_others_have_all(pair, go2):
    env = pair('joint_strength', 0.25)
    healthy, weak = (model.actuator_forcerange for model in env.models.models)
    share = (weak / healthy)[env.models.actuators]
    assert share[:, 1] == pytest.approx(np.where(np.arange(12) == 4, 0.25, 1.0))


@pytest.mark.parametrize(('name', 'column'), [('joint_kp_scale', 1), ('joint_kd_scale', 2)])
def test_a_gain_of_one_joint_is_scaled(pair, name, column):
    env = pair(name, 0.5, joint=7)
    one, other = (model.actuator_biasprm[env.models.actuators] for model in env.models.models)
    expected = one.copy()
    expected[7, column] *= 0.5
    assert other == pytest.approx(expected)


def test_dry_friction_is_added_to_one_joint(pair):
    env = pair('joint_added_friction_nm', 1.5, joint=2)
    one, other = (model.dof_frictionloss[env.models.qvel] for model in env.models.models)
    assert other - one == pytest.approx(np.where(np.arange(12) == 2, 1.5, 0.0))


def test_a_joint_with_a_wrong_zero_reads_what_it_is_told_and_stands_off_by_the_error(pair, go2):
    env = pair('joint_zero_offset_rad', 0.15)
    stand = go2.per_joint('stand')
    for _ in range(100):
        seen = env.step(np.tile(JointTarget(go2).from_joints(stand), (2, 1))).observation
    default = go2.per_joint('default')
    read = seen.true_proprio_obs[:, term_slice(go2, 'joint_pos')] + default
    true = env.state[:, env.layout.joint_pos]
    assert read[0] == pytest.approx(true[0], abs=1e-5)
    assert read[1] - true[1] == pytest.approx(np.where(np.arange(12) == 4, 0.15, 0.0), abs=1e-5)
    # Each holds the joint where its encoder says so, but for the sag under its weight.
    assert read[1, 4] == pytest.approx(read[0, 4], abs=0.05)
    assert true[1, 4] == pytest.approx(true[0, 4] - 0.15, abs=0.05)


def test_the_torque_that_is_scored_is_the_one_that_physics_gives(pair, go2):
    env = pair('joint_zero_offset_rad', 0.1)
    env.parameters['joint_strength'][1, 5] = 0.1
    env.set_model(1)
    target = JointTarget(env.robot).to_joints(np.full((2, 12), 1.2))
    now = env.batch_state(env.state, env.stamp_ns)
    scored = env.scorer.torque(env.parameters, target, now)
    for i, model in enumerate(env.models.models):
        data = mujoco.MjData(model)
        mujoco.mj_setState(model, data, env.state[i], mujoco.mjtState.mjSTATE_FULLPHYSICS)
        data.ctrl[env.models.actuators] = target[i] - env.parameters['joint_zero_offset_rad'][i]
        mujoco.mj_forward(model, data)
        assert data.actuator_force[env.models.actuators] == pytest.approx(scored[i])
    gain = env.parameters['kp_scale'][0, 0] * 25.0
    assert scored[1, 4] == pytest.approx(scored[0, 4] - 0.1 * gain)
    limit = 0.1 * env.parameters['strength'][0, 0] * 45.43
    assert scored[1, 5] == pytest.approx(np.clip(scored[0, 5], -limit, limit))
    assert abs(scored[0, 5]) > limit


def test_drives_of_many_robots_are_those_of_each(walkers, go2):
    env = walkers(level=1.0)
    env.parameters['joint_kp_scale'][2, 3] = 0.5
    kp, _, _ = joint_drives(go2, env.parameters)
    assert kp.shape == (6, 12)
    assert kp[2, 3] == pytest.approx(0.5 * kp[2, 4])


def test_a_robot_with_a_wrong_zero_starts_where_its_encoders_read_the_pose(go2, recipe):
    faulty = dataclasses.replace(
        recipe,
        randomisation=Randomisation(
            start_offset_rad=0.0, fault_share=1.0, fault_zero_offset_rad=0.2
        ),
    )
    env = VectorEnv(go2, faulty, num_robots=8, seed=1)
    wrong = env.parameters['joint_zero_offset_rad']
    assert (wrong != 0.0).any(axis=1).all()
    read = env.state[:, env.layout.joint_pos] + wrong
    assert read == pytest.approx(np.tile(go2.per_joint('stand'), (8, 1)))
    assert env.last_action == pytest.approx(
        np.tile(JointTarget(go2).from_joints(go2.per_joint('stand')), (8, 1))
    )


WHOLE = Randomisation(
    fault_share=1.0,
    fault_lag_steps=3,
    fault_foot_friction_low=0.02,
    fault_payload_kg=10.0,
    fault_payload_at_m=0.2,
    fault_mildest=0.4,
)


def test_faults_of_feet_load_and_lag_span_their_ranges_and_come_one_by_one():
    found = draw(WHOLE)
    foot, kg, at, lag = (
        found[name]
        for name in ('foot_friction', 'fault_payload_kg', 'fault_payload_at_m', 'lag_steps')
    )
    kinds = np.stack([foot.any(axis=1), kg[:, 0] > 0.0, lag[:, 0] > 0])
    assert (kinds.sum(axis=0) == 1).all()
    assert kinds.mean(axis=1) == pytest.approx(np.full(3, 1 / 3), abs=0.03)
    slips = foot[kinds[0]]
    assert set((slips > 0.0).sum(axis=1)) == {1, 2}
    assert ((slips > 0.0).sum(axis=0) > 100).all()  # each foot
    assert 0.02 <= slips[slips > 0.0].min() < 0.025
    assert 0.28 < slips.max() <= 0.3
    assert set(lag[kinds[2], 0]) == {1, 2, 3}
    assert 4.0 <= kg[kinds[1]].min() < 4.2 < 9.8 < kg.max() <= 10.0
    assert np.abs(at).max(axis=0) == pytest.approx([0.2, 0.2], abs=0.01)
    assert all((found[name] == value).all() for name, value in HEALTHY.items())


def test_kinds_that_are_drawn_often_come_twice_as_often_as_the_others():
    often = {'fault_kp_low': 0.5, 'fault_often': ('lag', 'joint_kp_scale')}
    drawn = draw(dataclasses.replace(WHOLE, **often), 3000)
    names = ('lag_steps', 'foot_friction', 'fault_payload_kg')
    late, slips, loaded = ((drawn[name] != 0.0).any(axis=1).mean() for name in names)
    soft = (drawn['joint_kp_scale'] != 1.0).any(axis=1).mean()
    assert [late, soft] == pytest.approx([1 / 3] * 2, abs=0.03)
    assert [slips, loaded] == pytest.approx([1 / 6] * 2, abs=0.03)


def test_a_kind_that_there_is_not_is_refused_with_one_that_there_is():
    with pytest.raises(
        ConfigError, match=r"fault_often: unknown choice 'lags'; did you mean 'lag'"
    ):
        Randomisation(fault_often=('lags',))


def test_wide_faults_are_of_all_joints_or_of_one_place_and_not_of_the_worst():
    found = draw(dataclasses.replace(EVERY_KIND, fault_wide_share=1.0))['joint_strength']
    places = found < 1.0
    sizes = places.sum(axis=1)
    assert set(sizes) == {0, 2, 3, 4, 12}
    assert (sizes == 12).sum() / (sizes > 0).sum() == pytest.approx(0.5, abs=0.1)
    few = places[(sizes > 0) & (sizes < 12)]
    assert all(len(set(np.flatnonzero(row) % 3)) == 1 for row in few)
    assert found.min() == pytest.approx(1.0 - 0.88 * 0.7, abs=0.02)


def test_zeros_are_not_milder_than_the_mildest_and_smaller_where_all_joints_have_one():
    zeros = Randomisation(fault_share=1.0, fault_zero_offset_rad=0.5, fault_mildest=0.4)
    some = np.abs(draw(zeros)['joint_zero_offset_rad'])
    assert 0.2 <= some[some > 0.0].min() < 0.21 < 0.49 < some.max() <= 0.5
    wide = draw(dataclasses.replace(zeros, fault_wide_share=1.0))['joint_zero_offset_rad']
    every = np.abs(wide[(wide != 0.0).all(axis=1)])
    most = 0.5 * 0.88 * 4 / 12
    assert 0.4 * most <= every.min() < 0.95 * most < every.max() <= most
    assert 0.45 < (wide[wide != 0.0] > 0.0).mean() < 0.55


def test_the_mildest_fault_is_a_share_of_the_worst():
    strength = draw(dataclasses.replace(EVERY_KIND, fault_mildest=0.5))['joint_strength']
    assert 0.64 < strength[strength < 1.0].max() <= 0.65


def test_a_foot_that_slips_has_its_friction_until_it_does_no_more(pair):
    env = pair('foot_friction', 0.05, joint=2)
    model, feet = env.models.models[1], env.models.feet
    ground = model.geom('ground').priority[0]
    assert model.geom_friction[feet[2], 0] == 0.05
    assert (model.geom_priority[feet] > ground).tolist() == [False, False, True, False]
    assert (env.models.models[0].geom_priority[feet] < ground).all()
    env.parameters['foot_friction'][:] = 0.0
    env.set_model(1)
    assert (model.geom_priority[feet] < ground).all()


def test_a_load_moves_mass_and_centre_to_its_place(pair):
    env = pair('fault_payload_kg', 5.0, joint=0)
    env.parameters['fault_payload_at_m'][1] = 0.1, -0.2
    env.set_model(1)
    one, other = env.models.models
    body = env.models.carrier
    mass = one.body_mass[body]
    assert other.body_mass[body] == pytest.approx(mass + 5.0)
    moved = (other.body_ipos - one.body_ipos)[body, :2]
    assert moved == pytest.approx(np.array([0.1, -0.2]) * 5.0 / (mass + 5.0))


def test_a_robot_with_a_lag_is_told_later_than_the_others(go2, recipe):
    late = Randomisation(fault_share=1.0, fault_lag_steps=2)
    env = VectorEnv(go2, dataclasses.replace(recipe, randomisation=late), num_robots=3, seed=0)
    env.parameters['lag_steps'][:, 0] = 0, 1, 2
    start = JointTarget(env.robot).to_joints(env.executed)
    told = [start + 0.1 * k for k in (1, 2, 3)]
    acted = [env.advance(target) for target in told][-1]
    assert acted == pytest.approx(np.stack([told[2][0], told[1][1], told[0][2]]))
