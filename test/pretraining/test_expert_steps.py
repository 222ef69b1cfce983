"""One step of many robots: what is executed, earned, ended, pushed and asked for anew."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from simdist_ros.embodiment.action_space import JointTarget
from simdist_ros.sim.batch.robot_faults import HEALTHY
from simdist_ros.sim.batch.step_scoring import StepScorer
from simdist_ros.tasks.velocity.commands import HOLD_STEPS
from simdist_ros.tasks.velocity.reward import GROUPS


@pytest.fixture(scope='module')
def env(go2, recipe):
    from simdist_ros.sim.batch.vector_env import VectorEnv

    return VectorEnv(go2, recipe, num_robots=4, seed=0)


@pytest.fixture
def calm(env):
    """Four robots in their stand pose, undisturbed, to which nothing will happen soon."""
    env.levels[:] = 0.0
    env.penalty_scale = env.command_scale = 1.0
    env.episode_steps = 500
    env.reset(np.ones(4, dtype=bool))
    env.state[:, env.layout.velocity_at :] = 0.0
    env.next_push[:] = env.next_command[:] = 1000
    return env


def stand(env):
    return np.tile(JointTarget(env.robot).from_joints(env.robot.per_joint('stand')), (4, 1))


def test_what_the_joints_limits_leave_of_an_action_is_executed_and_remembered(calm):
    action = stand(calm)
    action[0, 1], action[1, 2] = 100.0, -100.0
    before = calm.last_action.copy()
    result = calm.step(action)
    limits = [JointTarget(calm.robot).to_joints(action).clip(calm.low, calm.high)]
    np.testing.assert_allclose(calm.last_action, JointTarget(calm.robot).from_joints(limits[0]))
    np.testing.assert_allclose(result.observation.last_action, calm.last_action, atol=1e-6)
    assert not np.array_equal(before, calm.last_action)


def test_only_penalties_are_scaled(calm):
    calm.penalty_scale = 0.25
    result = calm.step(stand(calm))
    earned = sum(value for name, value in result.terms.items() if name in GROUPS)
    lost = sum(value for name, value in result.terms.items() if name not in GROUPS)
    expected = calm.robot.period_s * (earned + 0.25 * lost)
    assert lost < -0.01
    assert result.reward.mean() == pytest.approx(expected, rel=1e-4)


def test_an_episode_runs_out_of_time_at_its_last_step_unless_the_robot_falls_in_it(calm):
    calm.episode_steps = 3
    calm.steps[:] = [1, 2, 0, 2]
    calm.state[3, 4:8] = [0.0, 1.0, 0.0, 0.0]  # on its back
    result = calm.step(stand(calm))
    assert result.truncated.tolist() == [False, True, False, False]
    assert result.terminated.tolist() == [False, False, False, True]


def test_failed_physics_earn_nothing_and_leave_the_robot_as_it_was(calm):
    calm.state[2, calm.layout.velocity_at] = 1e12
    state, last = calm.state.copy(), calm.last_action.copy()
    action = stand(calm)
    action[:, 2] += 0.3
    result = calm.step(action)
    assert result.diverged.tolist() == [False, False, True, False]
    assert result.reward[2] == 0.0
    np.testing.assert_array_equal(calm.state[2], state[2])
    np.testing.assert_array_equal(calm.last_action[2], last[2])
    assert not np.array_equal(calm.last_action[1], last[1])


def test_a_push_comes_when_due_is_along_the_ground_and_not_too_strong(calm):
    limit = calm.settings.randomisation.push_speed_mps
    speeds = []
    for _ in range(100):
        calm.state[:, calm.layout.velocity_at :] = 0.0
        calm.steps[:], calm.next_push[:] = [7, 7, 9, 6], 7
        calm.push()
        pushed = calm.state[:, calm.layout.velocity_at :]
        assert not pushed[:, 2:].any()
        assert not pushed[3].any()
        assert pushed[:3, :2].any(axis=1).all()
        assert (calm.next_push[:3] > calm.steps[:3]).all()
        assert calm.next_push[3] == 7
        speeds.append(pushed[:3, :2].copy())
    each = np.concatenate(speeds)
    size = np.linalg.norm(each, axis=1)
    assert size.max() <= limit
    assert size.mean() == pytest.approx(limit / 2, rel=0.15)
    assert np.abs(each.mean(axis=0)).max() < 0.15 * limit


def test_a_push_adds_to_the_velocity_and_the_next_one_comes_after_a_time(calm):
    calm.state[:, calm.layout.velocity_at :] = 5.0
    calm.steps[:] = calm.next_push[:] = 1000
    calm.push()
    added = calm.state[:, calm.layout.velocity_at :] - 5.0
    assert np.linalg.norm(added, axis=1).max() <= calm.settings.randomisation.push_speed_mps
    mean = calm.settings.randomisation.push_interval_s * calm.robot.control_rate_hz
    assert (np.abs(calm.next_push - 1000 - mean) <= 0.5 * mean).all()


def test_a_command_holds_until_its_time_is_over(calm):
    calm.steps[:], calm.next_command[:] = 9, [10, 11, 9, 500]
    before = calm.commands.copy()
    calm.step(stand(calm))
    changed = (calm.commands != before).any(axis=1)
    assert not changed[1]
    assert not changed[3]
    held = calm.next_command[[0, 2]] - calm.steps[[0, 2]]
    assert (held >= HOLD_STEPS[0]).all()
    assert (held < HOLD_STEPS[1]).all()
    assert calm.next_command[[1, 3]].tolist() == [11, 500]


def test_the_clock_and_the_count_go_on_by_one_period(calm):
    stamps, steps = calm.stamp_ns.copy(), calm.steps.copy()
    calm.step(stand(calm))
    assert (calm.stamp_ns - stamps == calm.robot.period_ns).all()
    assert (calm.steps - steps == 1).all()


def test_only_who_is_marked_begins_anew(calm):
    calm.step(stand(calm))
    state, commands = calm.state.copy(), calm.commands.copy()
    calm.reset(np.array([False, True, False, False]))
    assert calm.steps.tolist() == [1, 0, 1, 1]
    np.testing.assert_array_equal(calm.state[[0, 2, 3]], state[[0, 2, 3]])
    np.testing.assert_array_equal(calm.commands[[0, 2, 3]], commands[[0, 2, 3]])
    assert not np.array_equal(calm.state[1], state[1])


# Scoring


@pytest.fixture(scope='module')
def scorer(go2, recipe):
    return StepScorer(go2, recipe)


def tilted(angle_rad, up=(0.0, 0.0, 1.0)):
    half = angle_rad / 2
    return SimpleNamespace(
        orientation=np.array([[math.cos(half), 0.0, math.sin(half), 0.0]]), up=np.array([up])
    )


def footing(height=0.3, *, trunk=False):
    return SimpleNamespace(base_height=np.array([height]), trunk_contact=np.array([trunk]))


def fell(scorer, now, feet):
    step = SimpleNamespace(
        joint_offset=np.zeros((1, 12)), wrench=np.zeros((1, 0)), command=np.zeros((1, 3))
    )
    return bool(scorer.has_failed(now, feet, step)[0])


def test_a_fall_is_each_of_too_low_too_far_tilted_and_on_the_trunk(scorer, go2):
    limit, low = go2.max_tilt_rad, go2.fallen_height_m
    assert not fell(scorer, tilted(limit - 0.01), footing())
    assert fell(scorer, tilted(limit + 0.01), footing())
    assert fell(scorer, tilted(-limit - 0.01), footing())
    assert not fell(scorer, tilted(0.0), footing(low + 0.001))
    assert fell(scorer, tilted(0.0), footing(low - 0.001))
    assert fell(scorer, tilted(0.0), footing(np.nan))
    assert fell(scorer, tilted(0.0), footing(trunk=True))


def test_on_a_slope_a_tilt_is_against_gravity_not_against_the_ground(scorer, go2):
    angle = go2.max_tilt_rad - 0.1
    lean = math.sin(0.2), 0.0, math.cos(0.2)
    found = [fell(scorer, tilted(sign * angle, lean), footing()) for sign in (1.0, -1.0)]
    assert sorted(found) == [False, True]  # one way the slope adds to it, the other not


def test_motors_pull_towards_their_targets_are_damped_and_limited(scorer, go2):
    joints = go2.num_joints
    parameters = {
        'kp_scale': np.array([[2.0]]),
        'kd_scale': np.array([[3.0]]),
        'strength': np.array([[0.5]]),
        **{name: np.full((1, joints), value) for name, value in HEALTHY.items()},
    }
    now = SimpleNamespace(joint_pos=np.full((1, joints), 0.1), joint_vel=np.full((1, joints), 0.2))
    target = np.full(joints, 0.15)
    expected = 2.0 * go2.per_joint('kp') * 0.05 - 3.0 * go2.per_joint('kd') * 0.2
    limit = 0.5 * go2.per_joint('max_torque')
    found = scorer.torque(parameters, target, now)[0]
    np.testing.assert_allclose(found, np.clip(expected, -limit, limit))
    assert (np.abs(expected) < limit).any()
    for sign in (1.0, -1.0):
        far = scorer.torque(parameters, np.full(joints, 100.0 * sign), now)[0]
        np.testing.assert_allclose(far, sign * limit)
