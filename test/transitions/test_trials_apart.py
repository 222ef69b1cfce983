"""An arm that is set to another start between two trials: that is no motion."""

from __future__ import annotations

import numpy as np

from simdist_ros.embodiment.command import JointCommand
from simdist_ros.embodiment.observation import RobotState
from simdist_ros.embodiment.robot import load_robot
from simdist_ros.tasks.choice import task_of
from simdist_ros.transitions.episode_cutter import EpisodeCutter

NOWHERE = np.full(3, np.nan)


def test_the_first_action_after_a_gap_is_from_where_the_arm_is():
    robot = load_robot('ur5e')
    cutter = EpisodeCutter(robot, min_steps=2, max_steps=100)
    hole, stand = task_of(robot).first_command(), robot.per_joint('stand')
    episodes = []
    for first, pose in ((0, stand), (40, stand + 0.05)):
        for k in range(first, first + 4):
            stamp = k * robot.period_ns
            state = RobotState(
                stamp_ns=stamp, joint_pos=pose, joint_vel=np.zeros(6), wrench=np.zeros(6)
            )
            episodes += cutter.add(state, hole, NOWHERE)
            cutter.note_command(JointCommand(stamp_ns=stamp, position=pose))
    episodes += cutter.cut()
    assert [len(episode.actions) for episode in episodes] == [3, 3]
    for episode in episodes:
        np.testing.assert_allclose(episode.actions, 0.0, atol=1e-6)
