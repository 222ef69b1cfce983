"""What an evaluation predicts of held-out windows, by numbers that follow from the data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from simdist_ros.embodiment.action_space import JointTarget
from simdist_ros.embodiment.command import JointCommand
from simdist_ros.embodiment.observation_terms import term_slice
from simdist_ros.evaluation.settings import EvaluateSettings
from simdist_ros.pretraining.evaluate.data import open_loop, policy_return, predict
from simdist_ros.pretraining.evaluate.expert_walker import ExpertWalker
from simdist_ros.pretraining.evaluate.walks import list_walks
from simdist_ros.pretraining.expert.files import save_networks
from simdist_ros.pretraining.expert.networks import Actor
from simdist_ros.pretraining.recipe import load_recipe
from simdist_ros.pretraining.train.losses import Batch
from simdist_ros.transitions.shards.dataset import open_dataset
from simdist_ros.transitions.training_windows import WindowSampler
from simdist_ros.world_model.context_windows import context_of
from simdist_ros.world_model.model import WorldModel

from .transitions import ROBOT, TINY, write_data

PAST, AHEAD = TINY.history_steps, TINY.horizon_steps


@pytest.fixture(scope='module')
def samplers(tmp_path_factory):
    """Windows of two halves of the data."""
    data = write_data(tmp_path_factory.mktemp('data'), episodes=6, steps=60)
    dataset = open_dataset(data, ROBOT)
    return [
        WindowSampler(dataset, episodes, history_steps=PAST, horizon_steps=AHEAD)
        for episodes in (np.arange(3), np.arange(3, 6))
    ]


@pytest.fixture(scope='module')
def model():
    return WorldModel(TINY).eval()


def returns(rewards, last_value):
    return rewards @ 0.99 ** np.arange(AHEAD) + 0.99**AHEAD * last_value


@torch.inference_mode()
def test_both_returns_are_of_the_horizon_and_the_value_at_its_end(model, samplers):
    batch = Batch.from_windows(samplers[0].gather(np.arange(20)))
    found = predict(model, batch)
    real = returns(batch.rewards.numpy(), batch.next_values[:, -1].numpy())
    np.testing.assert_allclose(found.real_return, real, rtol=1e-5)
    actions = batch.actions[:, PAST:]
    rewards, values = model.score(context_of(model, batch), found.latents, actions, batch.commands)
    expected = returns(rewards.numpy(), values[:, -1].numpy())
    np.testing.assert_allclose(found.predicted_return, expected, rtol=1e-4, atol=1e-6)
    assert np.abs(values[:, -1] - values[:, 0]).max() > 1e-3


@torch.inference_mode()
def test_the_policy_is_expected_to_go_on_with_the_present_command(model, samplers):
    windows = samplers[0].gather(np.arange(20))
    commands = windows.commands.copy()
    commands[:, 1:] += 1.0
    other = replace(windows, commands=commands)
    np.testing.assert_array_equal(policy_return(model, other), policy_return(model, windows))
    now = replace(windows, commands=windows.commands + 1.0)
    assert np.abs(policy_return(model, now) - policy_return(model, windows)).max() > 1e-6


def test_joints_are_read_off_by_a_map_that_was_fitted_to_other_windows(model, samplers):
    one, other = samplers
    known, _ = open_loop(model, ROBOT, one, one, 200)
    foreign, _ = open_loop(model, ROBOT, one, other, 200)
    assert known.probe_pos_rad[0] < foreign.probe_pos_rad[0]
    assert known.joint_pos_rad[0] < foreign.joint_pos_rad[0]


def test_expecting_joints_to_stay_is_expecting_them_where_they_are_now(model, samplers):
    windows = samplers[0].gather(np.arange(len(samplers[0])))
    joints = windows.proprio_obs[:, PAST:, term_slice(ROBOT, 'joint_pos')]
    moved = np.square(joints[:, 1:] - joints[:, :1]).mean(axis=-1)
    expected = [np.sqrt(moved[windows.is_known[:, k], k].mean()) for k in range(AHEAD)]
    found, _ = open_loop(model, ROBOT, samplers[0], samplers[0], len(samplers[0]))
    np.testing.assert_allclose(found.held_pos_rad, expected, rtol=1e-4)


def test_another_seed_walks_other_walks():
    one, other = (
        {walk.seed for walk in list_walks(ROBOT, EvaluateSettings(num_seeds=3, seed=seed))}
        for seed in (7, 70)
    )
    assert (one, other) == ({7, 8, 9}, {70, 71, 72})


def test_to_an_expert_a_damped_joint_was_told_to_be_where_it_is(tmp_path):
    recipe, path = load_recipe(ROBOT), tmp_path / 'expert.safetensors'
    save_networks(path, Actor(ROBOT, recipe), None, {'robot': ROBOT.name})
    expert = ExpertWalker(ROBOT, recipe, path)
    joint_pos = np.linspace(-0.5, 1.5, ROBOT.num_joints).astype(np.float32)
    expert.note_executed(JointCommand(stamp_ns=0, position=None), joint_pos)
    np.testing.assert_allclose(
        expert.executed, JointTarget(ROBOT).from_joints(joint_pos), rtol=1e-5
    )
