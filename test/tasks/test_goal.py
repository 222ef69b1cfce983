"""What may be asked for, and which task a robot is to do."""

import dataclasses
import math

import numpy as np
import pytest

from simdist_ros.core.errors import ConfigError
from simdist_ros.tasks.choice import task_of
from simdist_ros.tasks.goal import GoalSpec
from simdist_ros.tasks.velocity.settings import velocity_goal

GOAL = GoalSpec("robot 'duo'", ('x', 'y'), ('m', 'm'), np.array([-1.0, -0.5]), np.ones(2))


def test_a_command_at_the_limit_is_returned_as_it_is():
    command = np.array([1.0, -0.5])
    assert GOAL.check(command) is command


@pytest.mark.parametrize('command', [[1.01, 0.0], [0.0, -0.6], [math.nan, 0.0], [0.0, math.inf]])
def test_a_command_beyond_the_range_or_not_finite_is_refused(command):
    with pytest.raises(ConfigError, match=r'beyond the range of robot .*-1\.0, -0\.5.* \.\. '):
        GOAL.check(np.array(command))


def test_a_command_of_another_size_is_refused():
    with pytest.raises(ConfigError, match="command has 3 numbers; robot 'duo' takes 2"):
        GOAL.check(np.zeros(3))


def test_a_command_is_clipped_number_by_number():
    assert GOAL.clip(np.array([[2.0, -2.0], [0.5, 0.5]])).tolist() == [[1.0, -0.5], [0.5, 0.5]]


@pytest.mark.parametrize(
    ('low', 'high', 'said'),
    [
        (
            [2.0, 0.0],
            [1.0, 0.5],
            r'command_low is \[2.0, 0.0\], beyond command_high, \[1.0, 0.5\]',
        ),
        ([], [], 'command_low has 0 numbers and command_high 0; give vx, vy and yaw rate'),
        ([0.0], [1.0, 0.5], 'command_low has 1 numbers and command_high 2; give vx, vy and yaw'),
    ],
)
def test_bounds_that_do_not_belong_together_are_refused(go2, low, high, said):
    tasks = {'velocity': {'command_low': low, 'command_high': high}}
    with pytest.raises(ConfigError, match=f"robot 'go2': tasks: velocity: {said}"):
        velocity_goal(dataclasses.replace(go2, tasks=tasks))


def test_a_robot_that_is_not_asked_for_a_velocity_is_refused_where_one_is_needed(go2):
    with pytest.raises(ConfigError, match="robot 'go2' is not asked for a velocity; its tasks: r"):
        velocity_goal(dataclasses.replace(go2, tasks={'reach': {}}))


def test_a_robot_does_the_task_that_was_chosen_else_its_first(go2):
    assert task_of(go2).name == 'velocity'
    chosen = dataclasses.replace(go2, task='velocity')
    assert task_of(chosen).goal.names == ('vx', 'vy', 'yaw_rate')


@pytest.mark.parametrize(
    ('tasks', 'said'),
    [
        (
            {},
            "robot 'go2' names no task; name one under tasks in its description: velocity, reach",
        ),
        ({'velocty': {}}, "robot 'go2': unknown task 'velocty'; did you mean 'velocity'"),
        ({'velocity': {'speed': 1.0}}, "tasks: velocity: unknown setting 'speed'"),
    ],
)
def test_a_robot_without_a_task_that_exists_is_refused(go2, tasks, said):
    with pytest.raises(ConfigError, match=said):
        task_of(dataclasses.replace(go2, tasks=tasks))


def test_a_go2_practises_straight_on_and_in_curves(go2):
    found = [command.tolist() for command in task_of(go2).practice()]
    assert found == [[0.5, 0.0, 0.0], [1.0, 0.0, 0.0], [0.5, 0.0, 0.5], [1.0, 0.0, -0.5]]
