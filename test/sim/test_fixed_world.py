"""A batch in one world: its robots are those of the stand-in."""

import mujoco
import numpy as np
import pytest

from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.action_space import JointTarget
from simdist_ros.embodiment.command import JointCommand
from simdist_ros.sim.batch.fixed_world import CommandLag
from simdist_ros.sim.batch.vector_env import VectorEnv
from simdist_ros.sim.scenes.local_changes import FootChange, JointChange
from simdist_ros.sim.scenes.world import World
from simdist_ros.sim.simulated_robot import SimulatedRobot

STILL = {'start_heading_rad': 0.0, 'start_joint_offset_rad': 0.0}
WORLDS = {
    'joints': World(
        motor_strength=0.9,
        kp_scale=0.9,
        kd_scale=1.2,
        joint_friction_nm=0.1,
        joints=(
            JointChange(which='FL', strength=0.3, friction_nm=0.5),
            JointChange(which='RR_thigh', kp_scale=0.5, kd_scale=2.0, zero_offset_rad=0.1),
        ),
        **STILL,
    ),
    'feet': World(friction=0.6, feet=(FootChange(which='left', friction=0.1),), **STILL),
    'payload': World(payload_kg=3.0, payload_at_m=(0.1, -0.1, 0.15), **STILL),
    'payload on top': World(payload_kg=3.0, **STILL),
    'soft': World(contact_time_s=0.06, contact_damping=0.6, **STILL),
    'lag': World(command_delay_s=0.055, **STILL),
}


@pytest.mark.parametrize('name', WORLDS)
def test_a_robot_of_a_batch_moves_as_the_stand_in(go2, recipe, name):
    """Contacts differ a little, of the faithful cone and of the fast one; nothing else does."""
    world = WORLDS[name]
    one = SimulatedRobot(go2, world, 0)
    env = VectorEnv(go2, recipe, num_robots=2, seed=0, world=world)
    env.next_push[:] = 10_000
    other = SimulatedRobot(go2, World(**STILL), 0)
    for model in (one.model, other.model, *env.models.models):
        model.opt.cone, model.opt.impratio = mujoco.mjtCone.mjCONE_PYRAMIDAL, 1.0
    other.data.qpos[:], other.data.qvel[:] = one.data.qpos, one.data.qvel
    start = env.state[0].copy()
    start[1:] = np.concatenate([one.data.qpos, one.data.qvel])
    env.state[:] = start
    stand = go2.per_joint('stand')
    env.lag.begin(np.arange(2), np.tile(stand, (2, 1)))
    env.plan_delay[:] = 0
    rng = np.random.default_rng(0)
    for _ in range(12):
        target = stand + rng.uniform(-0.2, 0.2, 12)
        for simulation in (one, other):
            simulation.apply(JointCommand(stamp_ns=0, position=target))
            simulation.step()
        env.step(np.tile(JointTarget(go2).from_joints(target), (2, 1)))
    expected = np.concatenate([one.data.qpos, one.data.qvel])
    np.testing.assert_allclose(env.state[0, 1:], expected, atol=2e-3)
    np.testing.assert_array_equal(env.state[0], env.state[1])
    assert np.abs(other.data.qpos - one.data.qpos).max() > 8e-3  # without what the world changes


def test_the_encoders_of_a_batch_have_the_world_s_zero(go2, recipe):
    world = World(joints=(JointChange(which='FL_calf', zero_offset_rad=0.2),))
    env = VectorEnv(go2, recipe, num_robots=3, seed=0, world=world)
    wrong = np.where(np.array(go2.joint_names) == 'FL_calf_joint', 0.2, 0.0)
    assert env.parameters['joint_zero_offset_rad'] == pytest.approx(np.tile(wrong, (3, 1)))


def test_every_episode_is_in_the_world_and_level_whatever_the_level(go2, recipe):
    env = VectorEnv(go2, recipe, num_robots=8, seed=0, world=World(friction=0.3))
    env.levels[:] = 1.0
    env.reset(np.ones(8, dtype=bool))
    assert (env.parameters['friction'] == 0.3).all()
    assert (env.parameters['up'] == [0.0, 0.0, 1.0]).all()
    assert not env.parameters['bump_height_m'].any()


@pytest.mark.parametrize('changes', [{'terrain': 'slope', 'slope_deg': 5.0}, {'patch_share': 0.3}])
def test_ground_that_a_batch_does_not_have_is_refused(go2, recipe, changes):
    world = World(name='mine', **changes)
    with pytest.raises(ConfigError, match=r"world 'mine': a batch has level ground without patch"):
        VectorEnv(go2, recipe, num_robots=2, seed=0, world=world)


@pytest.mark.parametrize('lag', [0, 1, 4, 6, 13])
@pytest.mark.parametrize('own', [0, 2])
def test_what_acts_in_a_physics_step_was_told_its_lag_before(lag, own):
    queue = CommandLag(lag, num_substeps=4, num_robots=1, joints=1, most=2)
    queue.begin(np.array([0]), np.array([[-1.0]]))
    acting = np.concatenate(
        [queue.spread(np.array([[float(k)]]), np.array([[own]]))[0, :, 0] for k in range(8)]
    )
    steps = np.arange(32) - lag - 4 * own
    np.testing.assert_array_equal(acting, np.where(steps < 0, -1.0, steps // 4))


def test_torques_are_those_of_the_target_that_acts_at_the_end_of_a_step(go2, recipe):
    env = VectorEnv(go2, recipe, num_robots=2, seed=0, world=World(command_delay_s=0.055))
    start = JointTarget(env.robot).to_joints(env.executed)
    told = [start + 0.1, start - 0.1, start]
    found = [env.advance(target) for target in told]  # 11 physics steps late; 4 in a step
    np.testing.assert_allclose(found, [start, start, told[0]])


def test_a_lag_goes_on_from_a_saved_state(go2, recipe):
    def make(seed):
        return VectorEnv(go2, recipe, num_robots=2, seed=seed, world=World(command_delay_s=0.05))

    env, other = make(0), make(1)
    actions = np.random.default_rng(0).normal(size=(6, 2, 12))
    for action in actions[:3]:
        env.step(action)
    other.set_state(env.get_state())
    other.rng.bit_generator.state = env.rng.bit_generator.state
    for action in actions[3:]:
        env.step(action)
        other.step(action)
    assert np.array_equal(env.state, other.state)
