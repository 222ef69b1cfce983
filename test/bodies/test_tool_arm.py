"""The arm whose actions move its tool: in a batch, in a plan and in a bag alike."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from simdist_ros.core.errors import CheckpointError
from simdist_ros.embodiment.action_space import action_space_of
from simdist_ros.embodiment.command import JointCommand
from simdist_ros.embodiment.observation import RobotState
from simdist_ros.embodiment.observation_terms import observed_joint_pos
from simdist_ros.embodiment.robot import load_robot
from simdist_ros.planning.controller import Controller
from simdist_ros.planning.planner import Planner
from simdist_ros.planning.settings import MppiSettings
from simdist_ros.pretraining.recipe import load_recipe
from simdist_ros.pretraining.train.stage import robot_architecture
from simdist_ros.sim.batch.vector_env import VectorEnv
from simdist_ros.transitions.episode_cutter import EpisodeCutter
from simdist_ros.world_model.model import WorldModel
from simdist_ros.world_model.store.checkpoint import load_model, save_model

DOWN = np.array([0.0, 0.0, -1.0])


@pytest.fixture(scope='module')
def arm():
    return load_robot(str(Path(__file__).parent / 'arm/tool_arm.yaml'))


@pytest.fixture(scope='module')
def model(arm):
    return WorldModel(robot_architecture(arm), seed=1).eval()


@pytest.mark.parametrize('late', [0, 1])
def test_many_of_it_move_their_tools_as_they_are_told(arm, late):
    env = VectorEnv(arm, load_recipe(arm), num_robots=3, seed=0)
    env.plan_delay[:] = late
    chain = env.actions.chain
    start = chain.position(env.lag.newest)
    for _ in range(20):
        env.step(np.tile(DOWN, (3, 1)))
    moved = chain.position(env.lag.newest) - start
    np.testing.assert_allclose(moved, np.tile(0.01 * (20 - late) * DOWN, (3, 1)), atol=0.012)
    np.testing.assert_allclose(env.executed, np.tile(DOWN, (3, 1)), atol=0.1)


def test_a_plan_goes_on_from_what_the_joints_were_told_not_from_where_they_sag(arm, model):
    planner = Planner(model, MppiSettings(num_iterations=0), torch.Generator().manual_seed(0))
    controller = Controller(arm, planner)
    told, sagged = arm.per_joint('stand'), arm.per_joint('stand') + 0.05
    for step in range(3):
        stamp = step * arm.period_ns
        state = RobotState(stamp_ns=stamp, joint_pos=sagged, joint_vel=np.zeros(3))
        found = controller.tick(state, np.array([0.2, 0.0, 0.5], np.float32))
        start = controller.told_at(step + found.delay_steps - 1, sagged)
        if step:
            assert np.abs(start - told).max() < 0.04
        np.testing.assert_allclose(
            found.positions, action_space_of(arm).sequence(found.plan.actions, start)
        )
        controller.note_executed(JointCommand(stamp_ns=stamp, position=told), sagged)


def test_a_bag_of_it_holds_what_its_tool_was_told(arm):
    space, cutter = action_space_of(arm), EpisodeCutter(arm, min_steps=2, max_steps=9)
    target, found = arm.per_joint('stand'), []
    for step in range(10):
        stamp = step * arm.period_ns
        state = RobotState(stamp_ns=stamp, joint_pos=target + 0.03, joint_vel=np.zeros(3))
        found += cutter.add(state, np.zeros(3), np.full(3, np.nan))
        target = space.to_joints(DOWN, target)
        cutter.note_command(JointCommand(stamp_ns=stamp, position=target))
    assert [episode.num_steps for episode in found] == [9]
    np.testing.assert_allclose(found[0].actions[1:], np.tile(DOWN, (8, 1)), atol=0.05)
    seen = observed_joint_pos(arm, found[0].proprio_obs)
    np.testing.assert_allclose(seen[0], arm.per_joint('stand') + 0.03, atol=1e-6)


def test_a_model_whose_actions_are_joint_targets_is_refused(arm, model, tmp_path):
    about = SimpleNamespace(robot=arm.name, created_by='a test', task='reach')
    save_model(tmp_path / 'm', model, **vars(about))
    with pytest.raises(CheckpointError, match=r"'joint_target', those of.*'tool_delta x y z'"):
        load_model(tmp_path / 'm', arm)
    save_model(tmp_path / 'own', model, **vars(about), actions=action_space_of(arm).kind)
    assert load_model(tmp_path / 'own', arm).manifest.actions == 'tool_delta x y z'
