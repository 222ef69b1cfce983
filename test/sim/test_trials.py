"""Trials of a simulated arm: where they begin, what is asked for, when they are over."""

from __future__ import annotations

import dataclasses
from collections import Counter

import numpy as np
import pytest

from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.robot import load_robot
from simdist_ros.sim.scenes.world import World, load_world
from simdist_ros.sim.simulated_robot import SimulatedRobot
from simdist_ros.sim.trials import Trials
from simdist_ros.sim.world_fit import check_world


@pytest.fixture(scope='module')
def simulation():
    return SimulatedRobot(load_robot('ur5e'), load_world('cell'), 0)


def begun(simulation, number, seed=0, **given):
    """Return kind of start, goal and joint angles of some trials."""
    trials, seen = Trials(simulation, seed, 1.0, **given), []
    simulation.reset(seed)
    for _ in range(number):
        trials.begin()
        seen.append((trials.start, *simulation.command, *simulation.true_state().joint_pos))
    return seen


def test_each_start_comes_as_often_and_each_trial_has_a_goal_of_its_own(simulation):
    seen = begun(simulation, 8)
    assert Counter(kind for kind, *_ in seen) == dict.fromkeys(simulation.task.starts, 2)
    assert len({tuple(goal[:4]) for _, *goal in seen}) == 8


def test_the_same_seed_gives_the_same_trials_and_another_one_others(simulation):
    assert begun(simulation, 3) == begun(simulation, 3)
    assert begun(simulation, 3) != begun(simulation, 3, seed=1)


def test_a_goal_that_is_given_is_that_of_all_trials(simulation):
    goal = np.array([0.495, 0.13, 0.1, 0.05])
    assert {tuple(seen[1:5]) for seen in begun(simulation, 3, command=goal)} == {tuple(goal)}


def tip(simulation, start):
    """Return where the tip is in the frame of the hole after a start [m]."""
    simulation.reset(start=start)
    return simulation.task.tip(simulation.true_state().joint_pos, simulation.fixture)[0]


def test_starts_are_where_their_names_say(simulation):
    heights = {start: tip(simulation, start)[2] for start in simulation.task.starts}
    assert -0.03 <= heights['inside'] <= 0.0005
    assert 0.0 <= heights['near'] <= 0.031
    assert 0.029 <= heights['grasped'] <= 0.081
    assert 0.02 <= heights['reach'] <= 0.09
    assert np.abs(tip(simulation, 'inside')[:2]).max() < 3e-4


def ends(simulation, done, fallen=(), seconds=1.0):
    """Return the result of a trial in which it is done, or has failed, at these steps."""
    trials = Trials(simulation, 0, seconds)
    trials.begin()
    truth = simulation.true_state()
    for step in range(100):
        now = dataclasses.replace(
            truth,
            is_done=step in done,
            has_fallen=step in fallen,
            wrench=np.array([3.0, 4.0 * (step == 2), 0.0, 9.0, 9.0, 9.0]),
        )
        result = trials.look(now)
        if result is not None:
            return result
    raise AssertionError('it never ends')


def test_a_trial_is_over_once_it_is_done_for_three_ticks(simulation):
    result = ends(simulation, done=(2, 4, 5, 6, 7))
    assert (result.succeeded, result.ended_by) == (True, 'done')
    assert (result.time_s, result.max_force_n) == (pytest.approx(0.4), pytest.approx(5.0))


def test_a_trial_that_fails_or_takes_too_long_has_not_succeeded(simulation):
    failed = ends(simulation, done=(3, 4), fallen=(4,))
    assert (failed.succeeded, failed.ended_by, failed.time_s) == (False, 'failed', 0.4)
    late = ends(simulation, done=())
    assert (late.succeeded, late.ended_by, late.time_s) == (False, 'time', 1.0)


def test_done_at_the_last_moment_is_done(simulation):
    assert ends(simulation, done=(10,)).succeeded


def test_it_is_done_by_where_the_hole_really_is(simulation):
    task, robot = simulation.task, simulation.robot
    bottom = np.array([0.0, 0.0, -task.settings.depth_m - 0.001])
    shifted = SimulatedRobot(robot, World(fixture_shift_m=(0.004, 0.0, 0.0)), 0)
    np.testing.assert_allclose(shifted.fixture - shifted.command, [0.004, 0.0, 0.0, 0.0])
    turn = np.zeros(3)
    off = shifted.command[:3] - shifted.fixture[:3]
    assert task.is_in(bottom, turn, task.settings.depth_m)
    assert not task.is_in(bottom + off, turn, task.settings.depth_m)
    deep = simulation.task.start_pose
    pose = deep('inside', robot.per_joint('stand'), shifted.fixture, np.random.default_rng(3))
    low = task.tip(pose, shifted.fixture)[0][2] <= -task.settings.depth_m
    assert bool(task.done(pose, shifted.fixture)) is bool(low)
    assert not task.done(pose, shifted.command)


def test_an_error_of_the_goal_moves_the_hole_not_the_goal():
    robot = load_robot('ur5e')
    simulation = SimulatedRobot(robot, World(goal_error_m=0.003), 0)
    errors = []
    for _ in range(20):
        simulation.reset()
        errors.append(simulation.fixture - simulation.command)
    assert np.abs(errors).max(axis=0)[:2].min() > 0.001
    assert np.abs(errors).max() <= 0.003
    assert not np.any(np.array(errors)[:, 2:])


def test_a_task_without_an_end_or_without_a_fixture_is_refused():
    walking = SimulatedRobot(load_robot('go2'), World(), 0)
    with pytest.raises(ConfigError, match="task 'velocity' of 'go2' has no end, so there are no"):
        Trials(walking, 0, 1.0)
    with pytest.raises(ConfigError, match='goal_error_m is set, but task'):
        check_world(walking.robot, World(name='mine', goal_error_m=0.001))
