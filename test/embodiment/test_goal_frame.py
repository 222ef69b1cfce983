"""Where a tool is in the frame of its goal, and joint angles that bring it there."""

from __future__ import annotations

import math

import numpy as np
import pytest

from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.goal_frame import frame_of, tool_from_goal, wanted_pose
from simdist_ros.embodiment.inverse_kinematics import joints_for
from simdist_ros.embodiment.kinematics import tool_chain
from simdist_ros.embodiment.observation import RobotState, proprio_obs
from simdist_ros.embodiment.robot import load_robot


@pytest.fixture(scope='module')
def ur5e():
    return load_robot('ur5e')


def test_a_frame_is_turned_by_its_yaw():
    origin, axes = frame_of(np.array([1.0, 2.0, 3.0, math.pi / 2]))
    np.testing.assert_array_equal(origin, [1.0, 2.0, 3.0])
    np.testing.assert_allclose(axes @ [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], atol=1e-12)


def test_joint_angles_for_a_pose_have_the_tool_there(ur5e):
    command = np.array([[0.5, 0.1, 0.1, 0.3], [0.45, 0.2, 0.15, -0.4]])
    at, turn = np.array([[0.01, -0.02, 0.05], [0.0, 0.0, -0.02]]), np.array([0.1, -0.2])
    stand = np.tile(ur5e.per_joint('stand'), (2, 1))
    joint_pos = joints_for(tool_chain(ur5e), stand, *wanted_pose(command, at, turn))
    seen = tool_from_goal(ur5e, joint_pos, command)
    np.testing.assert_allclose(seen[:, :3], at, atol=1e-6)
    np.testing.assert_allclose(seen[:, 3:], [[0.0, 0.0, 0.1], [0.0, 0.0, -0.2]], atol=1e-6)


def test_a_hole_ahead_of_the_tool_has_the_tool_behind_it(ur5e):
    stand = ur5e.per_joint('stand')
    tip = tool_chain(ur5e).position(stand)
    ahead = np.array([[tip[0] + 0.02, tip[1], tip[2], 0.0]])
    np.testing.assert_allclose(
        tool_from_goal(ur5e, stand[None], ahead)[0, :3], [-0.02, 0.0, 0.0], atol=1e-9
    )


def test_an_observation_tells_it_in_centimetres(ur5e):
    stand = ur5e.per_joint('stand')
    state = RobotState(stamp_ns=0, joint_pos=stand, joint_vel=np.zeros(6), wrench=np.zeros(6))
    tip = tool_chain(ur5e).position(stand)
    seen = proprio_obs(ur5e, state, np.array([*(tip + [0.0, 0.0, -0.03]), 0.0]))
    np.testing.assert_allclose(seen[:3], [0.0, 0.0, 3.0], atol=1e-4)


def test_an_observation_of_the_goal_without_a_goal_is_refused(ur5e):
    state = RobotState(
        stamp_ns=0, joint_pos=np.zeros(6), joint_vel=np.zeros(6), wrench=np.zeros(6)
    )
    with pytest.raises(ConfigError, match='this one has 0 numbers: leave tool_from_goal out'):
        proprio_obs(ur5e, state)
