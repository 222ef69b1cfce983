"""A fixed-base arm of three joints, described by YAML and MJCF alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.command import JointCommand
from simdist_ros.embodiment.observation import RobotState, proprio_obs
from simdist_ros.embodiment.robot import load_robot
from simdist_ros.evaluation.settings import EvaluateSettings, evaluation_world
from simdist_ros.pretraining.early_checks import check_robot
from simdist_ros.pretraining.recipe import load_recipe
from simdist_ros.sim.batch.vector_env import VectorEnv
from simdist_ros.sim.mjcf_check import check_mjcf
from simdist_ros.sim.scenes.local_changes import FootChange, JointChange
from simdist_ros.sim.scenes.world import Sensors, World
from simdist_ros.sim.simulated_robot import SimulatedRobot
from simdist_ros.sim.world_fit import check_world


def moved(arm, world, target, periods=100):
    """Return the simulation after it was told one target."""
    simulation = SimulatedRobot(arm, world, seed=0)
    simulation.apply(JointCommand(stamp_ns=0, position=np.array(target)))
    for _ in range(periods):
        simulation.step()
    return simulation


def test_it_fits_its_description(arm):
    check_mjcf(arm)


def test_its_joints_go_where_they_are_told_and_its_base_stays(arm):
    simulation = moved(arm, World(), [0.5, 0.8, 0.9])
    truth = simulation.true_state()
    np.testing.assert_allclose(truth.joint_pos, [0.5, 0.8, 0.9], atol=0.03)
    np.testing.assert_array_equal(truth.position, [0.0, 0.0, 0.0])
    np.testing.assert_array_equal(truth.linear_velocity, [0.0, 0.0, 0.0])
    reach = 0.3 * np.sin(0.8) + 0.27 * np.sin(0.8 + 0.9)
    tool = simulation.data.site('tool').xpos
    np.testing.assert_allclose(tool[:2], reach * np.array([np.cos(0.5), np.sin(0.5)]), atol=0.01)


def test_its_sensors_say_nothing_of_a_base(arm):
    noisy = World(sensors=Sensors(joint_pos_noise_rad=0.01, linear_velocity_noise_mps=0.1))
    state = SimulatedRobot(arm, noisy, seed=0).state()
    assert np.isfinite(state.joint_pos).all()
    assert np.isnan([*state.orientation, *state.angular_velocity, *state.linear_velocity]).all()
    assert state.height_map is None


def test_a_heading_leaves_its_base_where_it_is(arm):
    ours = moved(arm, World(start_heading_rad=3.0), [0.5, 0.8, 0.9])
    theirs = moved(arm, World(), [0.5, 0.8, 0.9])
    assert ours.start_heading_rad == 0.0
    np.testing.assert_array_equal(ours.data.qpos, theirs.data.qpos)


@pytest.mark.parametrize(
    ('changes', 'sentence'),
    [
        (
            {'push_interval_s': 4.0, 'push_speed_mps': 0.3},
            r"push_interval_s is 4, but the base of 'arm' is fixed and cannot be pushed; leave it",
        ),
        (
            {'feet': (FootChange(which='left', friction=0.1),)},
            r"world 'mine': feet: robot 'arm' has no foot on its left side; feet are geoms named",
        ),
        (
            {'joints': (JointChange(which='FL', strength=0.5),)},
            r"world 'mine': joints: unknown joint 'FL'; known: elbow_joint, pan_joint, should",
        ),
    ],
)
def test_a_world_of_a_walker_is_refused_in_one_sentence(arm, changes, sentence):
    world = World(name='mine', **changes)
    for refused in (lambda: check_world(arm, world), lambda: SimulatedRobot(arm, world, seed=0)):
        with pytest.raises(ConfigError, match=sentence) as caught:
            refused()
        assert '\n' not in str(caught.value)


def test_a_joint_with_a_wrong_zero_is_short_of_its_target_by_the_error(arm):
    wrong = World(joints=(JointChange(which='pan', zero_offset_rad=0.2),))
    simulation = moved(arm, wrong, [0.5, 0.8, 0.9])
    np.testing.assert_allclose(simulation.state().joint_pos, [0.5, 0.8, 0.9], atol=0.03)
    assert simulation.true_state().joint_pos[0] == pytest.approx(0.3, abs=0.01)


def test_the_evaluation_pushes_no_base_that_is_fixed():
    assert evaluation_world('nominal').push_interval_s == 4.0
    assert evaluation_world('nominal', is_pushed=False).push_interval_s == 0.0


def test_it_carries_a_payload_at_its_tool(arm):
    light, heavy = (moved(arm, World(payload_kg=kg), [0.0, 0.8, 0.9]) for kg in (0.0, 1.0))
    more = heavy.true_state().joint_torque - light.true_state().joint_torque
    lean = heavy.true_state().joint_pos[1:].sum()  # of the forearm
    np.testing.assert_allclose(more[2], -9.81 * 0.27 * np.sin(lean), rtol=0.05)
    at = heavy.data.body('payload').xpos
    np.testing.assert_allclose(at, heavy.data.site('tool').xpos, atol=1e-9)


def test_it_never_falls(arm):
    truth = moved(arm, World(), [0.0, 1.6, 1.2]).true_state()  # hand on the ground
    assert not truth.has_fallen


REFUSED = {
    'a base that floats': (
        ('<body name="base">', '<body name="base"><freejoint/>'),
        "body 'base' floats, but base of the description is fixed",
    ),
    'joints whose angles are not those of the file': (
        ('axis="0 0 1" range', 'axis="0 0 1" ref="0.3" range'),
        "MuJoCo has tool 'tool'",
    ),
    'a tool that is none': (('site name="tool"', 'site name="hand"'), "unknown site 'tool'"),
}


@pytest.mark.parametrize(('change', 'said'), REFUSED.values(), ids=REFUSED)
def test_what_does_not_fit_is_refused(arm, tmp_path, change, said):
    (tmp_path / 'arm.xml').write_text(arm.mjcf_path.read_text().replace(*change))
    with pytest.raises(ConfigError) as error:
        check_mjcf(replace(arm, source=tmp_path / 'arm.yaml'))
    assert said in str(error.value)


@pytest.fixture(scope='module')
def batch(arm):
    """A few arms that were moved at random for a second, on what would be the hardest ground."""
    env = VectorEnv(arm, load_recipe(arm), num_robots=4, seed=0)
    env.levels[:] = 1.0
    env.reset(np.ones(4, dtype=bool))
    rng = np.random.default_rng(0)
    results = [env.step(rng.uniform(-1.0, 1.0, (4, 3))) for _ in range(50)]
    return env, results


def test_many_of_it_move_their_joints_on_level_ground_and_stay(batch):
    env, results = batch
    now = env.batch_state(env.state, env.stamp_ns)
    assert now.joint_pos.std(axis=0).min() > 0.01
    assert not now.position.any()
    assert not now.linear_velocity.any()
    np.testing.assert_array_equal(env.parameters['up'], np.tile([0.0, 0.0, 1.0], (4, 1)))
    assert not any(result.terminated.any() or result.diverged.any() for result in results)


def test_many_of_it_observe_what_one_does(batch, arm):
    env, results = batch
    seen = results[-1].observation
    assert seen.extero_obs.shape == (4, 0)
    state = RobotState(
        stamp_ns=0, joint_pos=env.state[2, env.layout.joint_pos], joint_vel=np.zeros(3)
    )
    now = env.observer.proprio(env.batch_state(env.state, env.stamp_ns))
    np.testing.assert_allclose(now[2, :3], proprio_obs(arm, state)[:3], atol=1e-6)


def test_many_of_it_carry_their_payloads_at_the_tool(batch):
    env, _ = batch
    for model, payload in zip(env.models.models, env.parameters['payload_kg'], strict=True):
        more = model.body_mass - env.models.plane.body_mass
        np.testing.assert_allclose(more[model.body('forearm').id], payload[0])
        assert np.count_nonzero(more) == 1


def test_a_tool_that_is_elsewhere_is_refused_before_a_training(arm, tmp_path):
    for path in arm.source.parent.iterdir():
        (tmp_path / path.name).write_text(path.read_text())
    text = arm.mjcf_path.read_text()
    (tmp_path / 'arm.xml').write_text(text.replace('axis="0 0 1"', 'axis="0 0 1" ref="0.3"'))
    with pytest.raises(ConfigError, match="MuJoCo has tool 'tool'"):
        check_robot(load_robot(str(tmp_path / 'arm.yaml')), ['expert'], EvaluateSettings())
