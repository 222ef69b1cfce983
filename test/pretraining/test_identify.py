"""The identifier's stage: windows of robots with faults, and what is learned from them."""

from __future__ import annotations

import dataclasses
import json
import shutil

import numpy as np
import pytest
import torch

from simdist_ros.cli import main
from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.action_space import JointTarget
from simdist_ros.embodiment.observation_terms import term_slice
from simdist_ros.jobs.errors import PretrainingError
from simdist_ros.pretraining.expert.files import EXPERT, save_networks
from simdist_ros.pretraining.expert.networks import Actor, Critic, belief_space
from simdist_ros.pretraining.identify.settings import IDENTIFY_PRESETS
from simdist_ros.pretraining.identify.stage import (
    METRICS,
    IdentifierTraining,
    explained,
    make_identifier,
    run_identify,
)
from simdist_ros.pretraining.identify.windows import FaultyWalk, Windows, collect_windows
from simdist_ros.pretraining.recipe import load_recipe
from simdist_ros.world_model.identifier import Identifier
from simdist_ros.world_model.store.checkpoint import find_model, load_model, save_model
from simdist_ros.world_model.store.identifier_file import IDENTIFIER, read_identifier

SMOKE = IDENTIFY_PRESETS['smoke']


@pytest.fixture(scope='module')
def actor(go2):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = Actor(go2, load_recipe(go2), 68).eval()
        made.belief[2].weight.data.normal_(0.0, 0.1)
        return made


@pytest.fixture(scope='module')
def windows(go2, actor):
    return collect_windows(go2, load_recipe(go2), actor, SMOKE, 50)


def test_windows_are_of_whole_episodes_each_with_one_belief(windows):
    assert windows.steps.shape[1:] == (50, 47)
    assert len(windows.steps) == len(windows.beliefs) == len(windows.episodes) >= 8
    for episode in set(windows.episodes):
        of_it = windows.beliefs[windows.episodes == episode]
        assert (of_it == of_it[0]).all()
    assert np.isfinite(windows.steps).all()
    of_nominal = windows.episodes % 8 % 4 == 3
    assert not windows.beliefs[of_nominal].any()
    assert windows.beliefs[~of_nominal].any()


def test_a_window_is_what_a_robot_saw_and_what_it_did_then(go2, recipe, actor):
    quiet = dataclasses.replace(SMOKE, action_noise=0.0, hidden_share=1.0, wrong_share=0.0)
    walk = FaultyWalk(go2, recipe, actor, quiet, threads=1)
    walk.step(0)
    walk.env.plan_delay[::2] = 1
    walk.env.plan_delay[1::2] = 0
    seen = walk.env.observation
    logged, _ = walk.step(0)
    np.testing.assert_array_equal(logged[:, :-12], seen.proprio_obs)
    parts = (seen.proprio_obs, seen.command, seen.last_action)
    x = torch.from_numpy(np.concatenate(parts, axis=1))
    with torch.no_grad():
        answer = actor(x, torch.from_numpy(seen.extero_obs)).numpy()
    low, high = go2.per_joint('low'), go2.per_joint('high')
    decided = JointTarget(go2).from_joints(np.clip(JointTarget(go2).to_joints(answer), low, high))
    late = walk.env.plan_delay[:, None] > 0
    executed = np.where(late, seen.last_action, decided)  # as a bag has it
    np.testing.assert_allclose(logged[:, -12:], executed, atol=1e-5)


def test_some_walk_straight_ahead_for_all_of_an_episode(go2, recipe, actor):
    def walk(share):
        speeds = {'ahead_low_mps': 0.4, 'ahead_high_mps': 0.6}
        settings = dataclasses.replace(SMOKE, num_robots=64, ahead_share=share, **speeds)
        return FaultyWalk(go2, recipe, actor, settings, threads=1)

    ahead = walk(1.0)
    commands = ahead.env.commands.copy()
    assert not commands[:, 1:].any()
    assert 0.4 <= commands[:, 0].min() < 0.45 < 0.55 < commands[:, 0].max() <= 0.6
    assert (ahead.env.observation.command == commands.astype(np.float32)).all()
    for number in range(60):
        _, ended = ahead.step(number)
    stays = ~ended & (ahead.env.steps >= 60)
    assert (ahead.env.commands[stays] == commands[stays]).all()
    others = walk(0.0).env.commands
    assert (others[:, 1:] != 0.0).any(axis=1).mean() > 0.5


def test_the_identifier_of_a_robot_knows_where_its_joints_are(go2, recipe):
    made = make_identifier(go2, recipe)
    observed = [term_slice(go2, name) for name in ('joint_pos', 'joint_vel')]
    assert made.joints_at.tolist() == [list(range(s.start, s.stop)) for s in observed]


def test_experts_believe_nothing_the_truth_or_another_robot(go2, recipe, actor):
    def told(hidden, wrong):
        settings = dataclasses.replace(
            SMOKE, num_robots=64, hidden_share=hidden, wrong_share=wrong
        )
        walk = FaultyWalk(go2, recipe, actor, settings, threads=1)
        return walk.told, walk.truth()

    assert not told(1.0, 0.0)[0].any()
    found, truth = told(0.0, 0.0)
    assert (found == truth).all()
    found, truth = told(0.0, 1.0)
    assert all((row == truth).all(axis=1).any() for row in found)
    assert (found != truth).any(axis=1).mean() > 0.5


def test_an_expert_that_falls_at_once_is_no_teacher(go2, recipe, actor):
    brief = dataclasses.replace(SMOKE, rollout_steps=50, episode_steps=50, action_noise=2.0)
    with pytest.raises(PretrainingError, match='no episode lasted for a window of 60 steps'):
        collect_windows(go2, recipe, actor, brief, 60)


def test_it_learns_what_windows_tell_and_forgets_no_mirror(go2, recipe):
    space = belief_space(go2, recipe)
    rng = np.random.default_rng(0)
    joint = rng.integers(12, size=400)
    sign = rng.choice([-1.0, 1.0], 400)
    beliefs = np.zeros((400, space.size), dtype=np.float32)
    at = space.names.index('zero_offset.FR_hip_joint')
    beliefs[np.arange(400), at + joint] = sign
    steps = rng.normal(0.0, 0.1, (800, 50, 47))
    steps[np.arange(800), :, 35 + np.repeat(joint, 2)] += np.repeat(sign, 2)[:, None]
    windows = Windows(
        steps.astype(np.float16), np.repeat(beliefs, 2, axis=0), np.repeat(np.arange(400), 2)
    )
    settings = dataclasses.replace(SMOKE, num_steps=120, batch_size=64, peak_rate=3e-3)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        identifier = Identifier(35, 12, space.size, space.names)
        training = IdentifierTraining(go2, recipe, identifier, windows, settings)
        metrics = training.run(lambda line: None)
    assert training.num_episodes == 400
    assert len(training.held_out) == 40
    assert not {tuple(e) for e in training.held_out} & {tuple(e) for e in training.learned}
    assert metrics['zero_offset'] > 0.9
    assert 'kp' not in metrics


def test_the_explained_share_is_of_each_kind_and_zero_for_saying_zero():
    names = ('strength.a', 'strength.b', 'lag')
    true = torch.tensor([[2.0, 0.0, 1.0], [0.0, 2.0, 0.0]])
    assert explained(names, torch.zeros(2, 3), true) == {'all': 0.0, 'strength': 0.0, 'lag': 0.0}
    half = true * torch.tensor([0.5, 0.5, 1.0])
    found = explained(names, half, true)
    assert found == pytest.approx({'all': 1.0 - 2.0 / 9.0, 'strength': 0.75, 'lag': 1.0})


def test_the_stage_leaves_an_identifier_and_how_good_it_is(tmp_path, go2, actor):
    expert, out = tmp_path / 'expert', tmp_path / 'identify'
    expert.mkdir()
    save_networks(expert / EXPERT, actor, None, {'robot': 'go2'})
    lines = []
    path = run_identify(go2, expert, out, SMOKE, say=lines.append)
    assert path == out / IDENTIFIER
    identifier = read_identifier(path.read_bytes(), path, 35, 12)
    assert identifier.names[0] == 'strength.FR_hip_joint'
    assert len(identifier.names) == 68
    assert not (identifier.std == 1.0).any()
    assert 'all' in json.loads((out / METRICS).read_text())
    assert lines[0].startswith('identify: ')
    assert lines[-1].startswith('identify: step 20/20, explained: all ')
    made = path.read_bytes()
    run_identify(go2, expert, out, SMOKE, say=lines.append)
    assert len(lines) == 11
    path.unlink()
    assert run_identify(go2, expert, out, SMOKE, say=lines.append).read_bytes() == made


def test_an_expert_without_beliefs_is_refused_before_a_folder_is_made(tmp_path, go2, recipe):
    save_networks(tmp_path / EXPERT, Actor(go2, recipe), None, {'robot': 'go2'})
    with pytest.raises(ConfigError, match=r'takes no beliefs, so there is nothing to identify'):
        run_identify(go2, tmp_path, tmp_path / 'out', SMOKE)
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize('parent', ['', '../go2'])
def test_the_stage_alone_puts_both_into_the_model_that_is_there(
    tmp_path, go2, actor, capsys, parent
):
    out, work = tmp_path / 'model', tmp_path / 'work'
    shutil.copytree(find_model('go2'), tmp_path / 'go2')
    shutil.copytree(find_model('go2'), out)
    before = load_model(out, go2)
    if parent:
        about = before.manifest
        save_model(
            out,
            before.model,
            robot='go2',
            created_by=about.created_by,
            parent=parent,
            metrics=about.metrics,
            overwrite=True,
        )
    (work / 'expert').mkdir(parents=True)
    save_networks(
        work / 'expert' / EXPERT, actor, Critic(go2, load_recipe(go2), 68), {'robot': 'go2'}
    )
    paths = ['--out', str(out), '--work', str(work), '--threads', '1', '--preset', 'smoke']
    small = ['--set', 'identify.num_robots=8', '--set', 'identify.num_steps=2']
    assert main(['pretrain', 'identify', *paths, *small]) == 0
    assert 'has the expert and what identifies its beliefs' in capsys.readouterr().out
    after = load_model(out, go2)
    assert after.model.expert.belief_dim == after.model.identifier.belief_dim == 68
    assert after.model.belief is None
    assert after.manifest.parent == parent  # whose files it goes on to use
    assert (out / 'encoder.safetensors').exists() == (not parent)
    assert 'belief' in after.manifest.swappable
    kept = {k: v for k, v in before.manifest.metrics.items() if k.startswith('held_out.')}
    assert after.manifest.metrics == kept
    for name, array in before.model.state_dict().items():
        assert torch.equal(after.model.state_dict()[name], array)
