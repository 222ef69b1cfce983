"""What is drawn for robots in training: whole ranges, no more, and each number for itself."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from simdist_ros.embodiment.action_space import JointTarget
from simdist_ros.pretraining.expert.curriculum import Curriculum
from simdist_ros.pretraining.expert.training import Tally
from simdist_ros.sim.batch.episode_start import draw_start
from simdist_ros.sim.batch.randomisation import RobotModels, draw_parameters
from simdist_ros.sim.batch.state_layout import layout_of
from simdist_ros.tasks.velocity.commands import HOLD_STEPS, draw_commands
from simdist_ros.tasks.velocity.settings import velocity_goal

NUMBER = 4000


def assert_spans(values, low, high):
    """The values reach from one bound to the other and have their mean in the middle."""
    width = high - low
    assert values.min() == pytest.approx(low, abs=0.01 * width)
    assert values.max() == pytest.approx(high, abs=0.01 * width)
    assert values.min() >= low
    assert values.max() <= high
    assert values.mean() == pytest.approx((low + high) / 2, abs=0.03 * width)


@pytest.fixture(scope='module')
def ranges(recipe):
    """A recipe in which no two bounds are the same or symmetric."""
    return dataclasses.replace(
        recipe,
        randomisation=dataclasses.replace(
            recipe.randomisation,
            friction_low=0.3,
            friction_high=1.1,
            payload_low_kg=-0.5,
            payload_high_kg=2.5,
            centre_of_mass_m=0.04,
            gain_spread=0.2,
            strength_low=0.7,
            joint_friction_nm=0.15,
        ),
    )


@pytest.fixture(scope='module')
def drawn(ranges):
    rng = np.random.default_rng(0)
    return draw_parameters(ranges, np.ones(NUMBER), np.arange(NUMBER) % 2 == 0, rng)


@pytest.mark.parametrize(
    ('name', 'low', 'high'),
    [
        ('friction', 0.3, 1.1),
        ('payload_kg', -0.5, 2.5),
        ('shift_m', -0.04, 0.04),
        ('kp_scale', 0.8, 1.2),
        ('kd_scale', 0.8, 1.2),
        ('strength', 0.7, 1.0),
        ('joint_friction_nm', 0.0, 0.15),
    ],
)
def test_what_is_particular_to_a_robot_spans_its_range(drawn, name, low, high):
    assert_spans(drawn[name], low, high)


def test_robots_differ_in_each_parameter_for_itself(drawn):
    names = ('friction', 'payload_kg', 'kp_scale', 'kd_scale', 'strength', 'joint_friction_nm')
    columns = [drawn[name][:, 0] for name in names] + [*drawn['shift_m'].T]
    assert np.abs(np.corrcoef(columns) - np.eye(len(columns))).max() < 0.1
    assert len(np.unique(drawn['bump_seed'])) > 0.99 * NUMBER


def test_gravity_leans_to_all_sides_and_has_length_one(drawn):
    up = drawn['up']
    np.testing.assert_allclose(np.linalg.norm(up, axis=1), 1.0)
    assert (up[:, 2] > 0.9).all()
    assert np.abs(up[:, :2].mean(axis=0)).max() < 0.02
    assert up[:, 0].std() == pytest.approx(up[:, 1].std(), rel=0.1)


def test_slopes_are_half_as_steep_where_there_are_bumps_and_some_ground_is_level(drawn, recipe):
    slope = np.degrees(np.arccos(np.minimum(drawn['up'][:, 2], 1.0)))
    rough, smooth = slope[::2], slope[1::2]
    assert rough.max() == pytest.approx(recipe.terrain.slope_deg / 2, rel=0.02)
    assert smooth.max() == pytest.approx(recipe.terrain.slope_deg, rel=0.02)
    assert (smooth == 0.0).mean() == pytest.approx(0.1, abs=0.02)
    assert np.median(smooth) > recipe.terrain.slope_deg / 2  # steep ones are more frequent
    assert not drawn['bump_height_m'][1::2].any()
    assert (drawn['bump_height_m'][::2] == 0.0).mean() == pytest.approx(0.1, abs=0.02)


def test_a_slope_is_never_steeper_than_its_grip(recipe):
    slippery = dataclasses.replace(
        recipe,
        randomisation=dataclasses.replace(
            recipe.randomisation, friction_low=0.1, friction_high=0.2
        ),
    )
    rng = np.random.default_rng(0)
    found = draw_parameters(slippery, np.ones(500), np.zeros(500, dtype=bool), rng)
    tangent = np.linalg.norm(found['up'][:, :2], axis=1) / found['up'][:, 2]
    assert (tangent <= 0.7501 * found['friction'][:, 0]).all()
    assert (tangent > 0.1).any()


@pytest.mark.parametrize('scale', [1.0, 0.5])
def test_commands_span_the_robot_s_range_or_a_share_of_it(go2, scale):
    commands = draw_commands(go2, NUMBER, np.random.default_rng(0), scale)
    still = ~commands.any(axis=1)
    straight = ~still & ~commands[:, 1:].any(axis=1)
    assert still.mean() == pytest.approx(0.08, abs=0.02)
    assert straight.mean() == pytest.approx(0.3, abs=0.03)
    others = commands[~still & ~straight]
    for axis in range(3):
        low, high = scale * velocity_goal(go2).low[axis], scale * velocity_goal(go2).high[axis]
        assert_spans(others[:, axis], low, high)
    assert np.abs(np.corrcoef(others.T) - np.eye(3)).max() < 0.1
    assert_spans(
        commands[straight, 0],
        scale * velocity_goal(go2).low[0],
        scale * velocity_goal(go2).high[0],
    )


@pytest.fixture(scope='module')
def start(go2, recipe):
    return draw_start(
        go2,
        recipe,
        layout_of(go2, RobotModels(go2, recipe, 1)),
        NUMBER,
        np.random.default_rng(0),
        physics_step_ns=5_000_000,
        command_scale=0.5,
        zero_offset=np.zeros((NUMBER, 12)),
    )


def test_robots_start_anywhere_in_any_heading_and_half_of_them_moving(start):
    for axis in (1, 2):
        assert_spans(start.state[:, axis], start.state[:, axis].min(), start.state[:, axis].max())
    np.testing.assert_allclose(np.linalg.norm(start.state[:, 4:8], axis=1), 1.0)
    assert not start.state[:, 5:7].any()  # upright
    heading = 2.0 * np.arctan2(start.state[:, 7], start.state[:, 4])
    assert_spans(heading, -np.pi, np.pi)
    velocity = start.state[:, 20:23]
    moving = velocity.any(axis=1)
    assert moving.mean() == pytest.approx(0.5, abs=0.03)
    for axis in range(3):
        assert_spans(velocity[moving, axis], -0.3, 0.3)
    assert not start.state[:, 23:].any()


def test_robots_start_about_their_stand_pose_and_hold_it(start, go2, recipe):
    pose = start.state[:, 8:20]
    offset = pose - go2.per_joint('stand')
    limit = recipe.randomisation.start_offset_rad
    assert_spans(offset[:, 1], -limit, limit)
    assert (pose >= go2.per_joint('low')).all()
    assert (pose <= go2.per_joint('high')).all()
    np.testing.assert_allclose(JointTarget(go2).to_joints(start.last_action), pose)


def test_clocks_delays_commands_and_pushes_are_drawn_over_their_ranges(start, go2, recipe):
    phases = start.stamp_ns / 1e9 / go2.phase_period_s
    assert_spans(phases, 0.0, 1.0 - 5e-3 / go2.phase_period_s)
    assert (start.stamp_ns % 5_000_000 == 0).all()
    assert set(start.delay) == set(range(recipe.randomisation.delay_steps + 1))
    assert_spans(start.next_command, HOLD_STEPS[0], HOLD_STEPS[1] - 1)
    mean = recipe.randomisation.push_interval_s * go2.control_rate_hz
    assert_spans(start.next_push, 0.5 * mean, 1.5 * mean)
    assert np.abs(start.commands).max() <= 0.5 * velocity_goal(go2).high.max() + 1e-9


def result_of(**flags):
    given = {
        name: np.array(flags.get(name, [0, 0, 0]), dtype=bool)
        for name in ('terminated', 'truncated', 'diverged')
    }
    tracking = np.array(flags.get('tracking', [0.9, 0.9, 0.9]))
    reward = np.array([1.0, 2.0, 6.0])
    return SimpleNamespace(**given, tracking=tracking, reward=reward, terms={'gait': 0.5})


def levels_after(*results, levels=0.5):
    """Return what becomes of the levels of three robots."""
    env = SimpleNamespace(num_robots=3, levels=np.full(3, levels), steps=np.zeros(3))
    curriculum = Curriculum(env)
    for result in results:
        env.steps += 1
        curriculum.after(result)
        env.steps[result.terminated | result.truncated | result.diverged] = 0
    return env.levels.tolist()


def test_only_who_follows_its_commands_to_the_end_gets_harder_ground():
    walked = result_of(tracking=[0.9, 0.7, 0.9])
    over = result_of(tracking=[0.9, 0.7, 0.9], truncated=[1, 1, 0])
    assert levels_after(walked, over) == pytest.approx([0.6, 0.5, 0.5])
    assert levels_after(walked, walked) == [0.5] * 3


def test_tracking_is_that_of_the_episode_alone():
    good, bad = ([x, 0.0, 0.0] for x in (1.0, 0.0))
    one = result_of(tracking=good, truncated=[1, 0, 0])
    two = result_of(tracking=bad, truncated=[1, 0, 0])
    assert levels_after(one, two, one)[0] == pytest.approx(0.7)  # up, not, up
    failed = result_of(tracking=good, diverged=[1, 0, 0])
    assert levels_after(failed, two)[0] == pytest.approx(0.5)


def test_levels_stay_between_level_and_hardest_ground():
    over = result_of(truncated=[1, 0, 0], terminated=[0, 1, 0])
    assert levels_after(over, levels=1.0) == pytest.approx([1.0, 0.9, 1.0])
    assert levels_after(over, levels=0.0) == pytest.approx([0.1, 0.0, 0.0])


def test_a_tally_is_of_means_over_steps_and_of_falls_over_episodes():
    tally = Tally()
    tally.add(result_of(terminated=[1, 0, 0], truncated=[0, 1, 0]))
    tally.add(result_of(truncated=[1, 0, 0], diverged=[0, 1, 1]))
    found = tally.metrics()
    assert found['reward'] == pytest.approx(3.0)
    assert found['gait'] == pytest.approx(0.5)
    assert found['falls'] == pytest.approx(1 / 3)
    assert found['diverged'] == 2.0
