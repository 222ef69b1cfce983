"""The task of inserting a peg: when it is in or lost, what it is worth, how it begins."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.goal_frame import tool_from_goal, wanted_pose
from simdist_ros.embodiment.inverse_kinematics import joints_for
from simdist_ros.embodiment.robot import load_robot
from simdist_ros.tasks.choice import task_of
from simdist_ros.tasks.insertion.settings import PegSettings, PegWeights
from simdist_ros.tasks.insertion.task import PegTask
from simdist_ros.tasks.step import Scoring, Step

UPRIGHT = np.zeros(3)


@pytest.fixture(scope='module')
def ur5e():
    return load_robot('ur5e', 'peg')


@pytest.fixture(scope='module')
def task(ur5e):
    return task_of(ur5e)


def poses(task: PegTask, at: list[list[float]]):
    """Return joint angles at which the tip is at places in the frame of the first hole."""
    command = np.tile(task.first_command(), (len(at), 1))
    stand = np.tile(task.robot.per_joint('stand'), (len(at), 1))
    place, rotation = wanted_pose(command, np.array(at), np.zeros(len(at)))
    return joints_for(task.chain, stand, place, rotation), command


def rewards(task: PegTask, at: list[list[float]], **changes):
    """Return the reward of each place, of an arm at rest."""
    joint_pos, command = poses(task, at)
    n = len(at)
    none, joints = np.zeros((n, 3)), np.zeros((n, 6))
    values = {
        'joint_vel': joints,
        'torque': joints,
        'action': joints,
        'last_action': joints,
        'wrench': joints,
    } | changes
    step = Step(
        stamp_ns=np.zeros(n, dtype=np.int64),
        command=command,
        linear_velocity=none,
        angular_velocity=none,
        normal=none,
        base_height=np.zeros(n),
        joint_offset=joint_pos - task.robot.per_joint('default'),
        foot_contact=np.zeros((n, 0), dtype=bool),
        foot_height=np.zeros((n, 0)),
        foot_speed=np.zeros((n, 0)),
        **values,
    )
    return sum(task.reward_terms(Scoring(rewards=PegWeights()), step).values())


@pytest.mark.parametrize(
    ('at', 'turn', 'is_in'),
    [
        ([0.0, 0.0, -0.026], UPRIGHT, True),
        ([0.0, 0.0, -0.024], UPRIGHT, False),
        ([0.002, 0.0, -0.026], UPRIGHT, False),
        ([0.0, 0.0, -0.026], np.array([0.06, 0.0, 0.0]), False),
        ([0.0, 0.0, -0.026], np.array([0.0, 0.0, 0.2]), True),
    ],
    ids=['deep', 'not deep enough', 'beside the hole', 'tilted', 'turned about its axis'],
)
def test_it_is_in_by_depth_and_tilt(task, at, turn, is_in):
    assert task.is_in(np.array(at), turn, task.settings.depth_m) == is_in


def test_sensors_tell_that_it_is_in(task, ur5e):
    joint_pos, command = poses(task, [[0.0, 0.0, -0.027], [0.0, 0.0, 0.01]])
    seen = np.zeros((2, 24))
    seen[:, :6] = tool_from_goal(ur5e, joint_pos, command) * [100.0, 100.0, 100.0, 1.0, 1.0, 1.0]
    assert task.succeeded(seen, command).tolist() == [True, False]


def test_each_step_into_the_hole_is_worth_more(task):
    heights = [[0.0, 0.0, z] for z in (0.1, 0.03, 0.0, -0.01, -0.02, -0.026)]
    assert (np.diff(rewards(task, heights)) > 0.0).all()


def test_being_aside_force_and_motion_cost(task):
    best = rewards(task, [[0.0, 0.0, -0.026]])
    assert rewards(task, [[0.01, 0.0, -0.026]]) < best
    for name in ('wrench', 'joint_vel', 'action'):
        assert rewards(task, [[0.0, 0.0, -0.026]], **{name: np.full((1, 6), 0.5)}) < best


LOST = {
    'too much force': ([0.0, 0.0, 0.0], [0.0, 0.0, -101.0, 0.0, 0.0, 0.0]),
    'too much torque': ([0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 21.0, 0.0, 0.0]),
    'a wrench that is not finite': ([0.0, 0.0, 0.0], [np.nan, 0.0, 0.0, 0.0, 0.0, 0.0]),
    'out of the workspace': ([0.2, 0.0, 0.1], [0.0] * 6),
}


@pytest.mark.parametrize(('at', 'wrench'), LOST.values(), ids=LOST)
def test_a_trial_is_lost_by(task, at, wrench):
    joint_pos, command = poses(task, [at])
    assert task.lost(joint_pos, np.array([wrench]), command).all()
    inside, command = poses(task, [[0.0, 0.0, -0.02]])
    assert not task.lost(inside, np.zeros((1, 6)), command).any()


def test_episodes_begin_far_away_at_the_rim_and_in_the_hole(task, ur5e):
    rng = np.random.default_rng(0)
    command = task.draw(300, rng)
    standing = np.tile(ur5e.per_joint('stand'), (300, 1))
    started = task.start_poses(standing, command, rng)
    at = tool_from_goal(ur5e, started, command)
    inside, stays = at[:, 2] < 0.0, (started == standing).all(axis=1)
    assert 0.2 < inside.mean() < 0.3
    assert 0.35 < stays.mean() < 0.45
    assert np.abs(at[inside, :2]).max() < 2e-4  # less than the hole leaves room for
    assert np.abs(at[~inside & ~stays, :2]).max() < 0.0101


def test_a_robot_without_what_it_takes_is_refused(ur5e):
    for changed, said in (
        ({'wrench': ''}, "task 'peg' needs a sensor of force and torque at the wrist"),
        ({'proprio_obs': ('joint_pos',)}, "no 'tool_from_goal' in proprio_obs; task 'peg' tells"),
        ({'tool': ''}, 'names no tool'),
    ):
        with pytest.raises(ConfigError, match=said):
            task_of(replace(ur5e, **changed))


def test_a_goal_outside_the_workspace_is_refused(task):
    with pytest.raises(ConfigError, match="is beyond the range of robot 'ur5e'"):
        task.goal.check(np.array([0.9, 0.0, 0.1, 0.0]))


def test_bounds_that_are_no_pose_are_refused():
    with pytest.raises(ConfigError, match='low has 3 numbers; give x, y, z and yaw'):
        PegSettings(low=(0.0, 0.0, 0.0), high=(0.1, 0.1, 0.1, 0.0))
