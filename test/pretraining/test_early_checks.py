"""What cannot be pretrained is refused before the first stage begins."""

from __future__ import annotations

import re
import shutil
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
import torch

from simdist_ros.cli import main
from simdist_ros.core.errors import CheckpointError, ConfigError
from simdist_ros.core.share import share_folder
from simdist_ros.embodiment.robot import load_robot
from simdist_ros.evaluation.settings import EvaluateSettings
from simdist_ros.pretraining.collect.portable_files import robot_files
from simdist_ros.pretraining.early_checks import (
    check_experts,
    check_robot,
    check_space,
    transition_bytes,
)
from simdist_ros.pretraining.expert.files import save_networks
from simdist_ros.pretraining.expert.networks import Actor, Critic
from simdist_ros.pretraining.presets import CollectSettings
from simdist_ros.pretraining.pretrain_options import STAGES
from simdist_ros.pretraining.recipe import load_recipe, recipe_path
from simdist_ros.tasks.reach.task import ReachWeights
from simdist_ros.transitions.episode import Episode
from simdist_ros.transitions.shards.dataset import ShardWriter

CONFIG = share_folder() / 'config'
FILES = {
    'robot': CONFIG / 'robots' / 'go2.yaml',
    'mjcf': CONFIG / 'robots' / 'go2.xml',
    'recipe': CONFIG / 'pretraining' / 'go2.yaml',
}


@pytest.fixture
def variant(tmp_path):
    """Write the Go2 with one text replaced in one of its files; return its description."""

    def write(which='', old='', new=''):
        for name, path in FILES.items():
            text = path.read_text()
            if name == which:
                assert re.search(old, text)
                text = re.sub(old, new, text)
            target = tmp_path / 'config' / path.relative_to(CONFIG)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        return tmp_path / 'config' / 'robots' / 'go2.yaml'

    return write


def check(path, stages=STAGES, **evaluate):
    check_robot(load_robot(str(path)), stages, EvaluateSettings(**evaluate))


def test_the_go2_passes(variant):
    check(variant())


HIP = r'FR_hip_joint: \{mirror: FL_hip_joint, sign: '
RANGE = r'command_low: .*\n    command_high: .*'

REFUSED = {
    'reversed friction': (
        ('recipe', '\\nrandomisation:', '\nrandomisation:\n  friction_low: 1.3'),
        'friction_low is 1.3; it must not exceed friction_high, 1.2',
    ),
    'reversed payload': (
        ('recipe', 'payload_low_kg: -1.0', 'payload_low_kg: 3.5'),
        'payload_low_kg is 3.5; it must not exceed payload_high_kg, 3',
    ),
    'payload that leaves no base': (
        ('recipe', 'payload_low_kg: -1.0', 'payload_low_kg: -50.0'),
        'which leaves nothing of the',
    ),
    'sign that shrinks': (
        ('recipe', HIP + '-1.0', HIP.replace('\\', '') + '0.5'),
        'sign is 0.5; it must be 1 or -1',
    ),
    'signs that differ': (
        ('recipe', HIP + '-1.0', HIP.replace('\\', '') + '1.0'),
        'FR_hip_joint has sign 1, its mirror image FL_hip_joint has -1',
    ),
    'no recipe': (
        ('robot', 'pretraining: .*', ''),
        'has no recipe for pretraining',
    ),
    'a joint that the robot does not have': (
        ('recipe', r'joints:\n', 'joints:\n  toe_joint: {mirror: toe_joint}\n'),
        "pretraining/go2.yaml: joint names do not match robot 'go2': missing none, "
        "unknown ['toe_joint']",
    ),
    'unknown foot': (
        ('recipe', 'FL_foot', 'FL_toe'),
        "there is no geom 'FL_toe', which the recipe calls a foot",
    ),
    'two numbers of a command': (
        ('robot', RANGE, 'command_low: [-0.5, -0.5]\n    command_high: [1.5, 0.5]'),
        'commands have 2 numbers',
    ),
    'a base fixed in the description alone': (
        ('robot', 'mjcf: go2.xml', 'mjcf: go2.xml\nbase: fixed'),
        "terrain is set, but the base of 'go2' is fixed",
    ),
    'lopsided height map': (
        ('robot', 'first_y_m: -0.7', 'first_y_m: -0.6'),
        'not as wide to the left as to the right',
    ),
    'fixed base': (
        ('mjcf', '<freejoint[^>]*/>', ''),
        'so that the base is fixed',
    ),
    'physics of another rate': (
        ('robot', 'control_rate_hz: 50.0', 'control_rate_hz: 47.0'),
        'is no whole number of physics steps',
    ),
}


@pytest.mark.parametrize('name', REFUSED)
def test_what_does_not_fit_is_refused_in_one_sentence(variant, name):
    change, sentence = REFUSED[name]
    with pytest.raises(ConfigError) as caught:
        check(variant(*change))
    assert sentence in str(caught.value)
    assert '\n' not in str(caught.value)


def test_terrain_for_some_robots_is_refused_too_where_the_base_is_fixed(tmp_path):
    arm = Path(__file__).resolve().parents[1] / 'bodies' / 'arm'
    for name in ('arm.xml', 'arm.yaml'):
        (tmp_path / name).write_text((arm / name).read_text())
    wide = 'wide_terrain: {bump_height_m: 0.1}\n'
    (tmp_path / 'recipe.yaml').write_text((arm / 'recipe.yaml').read_text() + wide)
    with pytest.raises(ConfigError, match=r"wide_terrain is set, .* 'arm' is fixed; leave it out"):
        load_recipe(load_robot(str(tmp_path / 'arm.yaml')))


@pytest.fixture
def two_tasks(tmp_path):
    """An arm that could be asked for two things; its recipe has rewards of the first."""
    arm = Path(__file__).resolve().parents[1] / 'bodies' / 'arm'
    described = (arm / 'arm.yaml').read_text()
    (tmp_path / 'arm.xml').write_text((arm / 'arm.xml').read_text())
    (tmp_path / 'arm.yaml').write_text(described.replace('tasks:\n', 'tasks:\n  velocity: {}\n'))
    recipe = (arm / 'recipe.yaml').read_text()
    (tmp_path / 'recipe.yaml').write_text(recipe + 'rewards: {velocity: 1.0}\n')
    (tmp_path / 'recipe_grasp.yaml').write_text(recipe)
    return tmp_path


def test_each_task_of_a_robot_finds_its_recipe(two_tasks):
    shared, own = two_tasks / 'recipe.yaml', two_tasks / 'recipe_reach.yaml'
    first, second = (load_robot(str(two_tasks / 'arm.yaml'), task) for task in ('', 'reach'))
    assert recipe_path(first) == recipe_path(second) == shared
    text = shared.read_text()
    own.write_text(text.replace('velocity: 1.0', 'near: 0.5'))
    assert (recipe_path(first), recipe_path(second)) == (shared, own)
    assert load_recipe(second).rewards.near == 0.5
    assert robot_files(second)[1] == own
    own.unlink()
    shared.write_text(text.replace('rewards: {velocity: 1.0}', ''))  # the same for all tasks
    assert load_recipe(second).rewards == ReachWeights()


@pytest.mark.parametrize('is_there', [True, False])
def test_a_task_without_a_recipe_is_refused_with_those_that_there_are(two_tasks, capsys, is_there):
    if not is_there:
        (two_tasks / 'recipe.yaml').unlink()
    given = ['pretrain', '--robot', str(two_tasks / 'arm.yaml'), '--task', 'reach']
    assert main([*given, '--out', str(two_tasks / 'm'), '--work', str(two_tasks / 'w')]) == 2
    shared = two_tasks / 'recipe.yaml'
    why, found = {
        True: (
            f"{shared} has the rewards of 'velocity'; write recipe_reach.yaml",
            'recipe.yaml, recipe_grasp.yaml',
        ),
        False: (f'neither {shared} nor recipe_reach.yaml is there', 'recipe_grasp.yaml'),
    }[is_there]
    assert capsys.readouterr().err == (
        f"error: robot 'arm' has no recipe for task 'reach': {why} (recipes of this robot there: "
        f'{found})\n'
    )


def test_feet_that_only_the_evaluation_would_miss_are_refused(variant):
    path = variant('recipe', 'FL_foot', 'FL_toe')
    mjcf = path.with_name('go2.xml')
    mjcf.write_text(mjcf.read_text().replace('FL_foot', 'FL_toe'))
    check(path, ['expert', 'collect', 'train', 'imitate'])
    with pytest.raises(ConfigError, match="no geom is a foot called 'FL_toe'"):
        check(path)


def test_speed_that_the_robot_cannot_be_asked_for_is_refused(variant):
    with pytest.raises(ConfigError, match='beyond the range'):
        check(variant(), speeds=(0.5, 3.0))
    check(variant(), ['collect'], speeds=(0.5, 3.0))


def test_training_alone_needs_the_recipe_s_noise_but_no_mjcf(variant):
    path = variant()
    path.with_name('go2.xml').unlink()
    check(path, ['train'])
    (path.parents[1] / 'pretraining' / 'go2.yaml').unlink()
    with pytest.raises(ConfigError, match=r'neither .*go2\.yaml nor go2_velocity\.yaml is there'):
        check(path, ['train'])


def test_noise_range_must_be_in_order():
    with pytest.raises(ConfigError, match='noise_low is 3; it must not exceed noise_high'):
        CollectSettings(noise_low=3.0)
    CollectSettings(noise_low=2.5)


@pytest.mark.parametrize('device', ['gpu', 'cuda:99', 'meta'])
def test_device_that_is_not_there_is_refused_before_anything_is_done(tmp_path, capsys, device):
    paths = ['--out', str(tmp_path / 'model'), '--work', str(tmp_path / 'work')]
    assert main(['pretrain', *paths, '--preset', 'smoke', '--device', device]) == 2
    error = capsys.readouterr().err
    assert f'--device {device}: PyTorch cannot compute on it here' in error
    assert error.strip().count('\n') == 0
    assert not (tmp_path / 'work').exists()


def test_robot_that_cannot_be_trained_is_refused_before_anything_is_done(
    tmp_path, capsys, variant
):
    path = variant('mjcf', '<freejoint[^>]*/>', '')
    paths = ['--out', str(tmp_path / 'model'), '--work', str(tmp_path / 'work')]
    assert main(['pretrain', *paths, '--preset', 'smoke', '--robot', str(path)]) == 2
    assert 'the base is fixed' in capsys.readouterr().err
    assert not (tmp_path / 'work').exists()


def test_damaged_expert_and_damaged_earlier_policy_are_refused(go2, tmp_path):
    recipe = load_recipe(go2)
    check_experts(go2, tmp_path)  # none is no fault
    torch.manual_seed(0)
    actor, critic, about = Actor(go2, recipe), Critic(go2, recipe), {'robot': 'go2'}
    expert, policy = tmp_path / 'expert.safetensors', tmp_path / 'policies' / '1.safetensors'
    policy.parent.mkdir()
    save_networks(expert, actor, critic, about)
    save_networks(policy, actor, None, about)
    check_experts(go2, tmp_path)
    policy.write_bytes(b'half')
    with pytest.raises(CheckpointError, match=r'1\.safetensors: not what an expert left there'):
        check_experts(go2, tmp_path)
    policy.unlink()
    save_networks(expert, actor, None, about)
    with pytest.raises(CheckpointError, match=r'expert\.safetensors: not what'):
        check_experts(go2, tmp_path)


def test_disk_without_room_for_the_transitions_is_refused(go2, tmp_path, monkeypatch):
    usage = namedtuple('usage', 'total used free')
    size = transition_bytes(go2)
    monkeypatch.setattr(shutil, 'disk_usage', lambda path: usage(0, 0, 1000 * size))
    work = tmp_path / 'not' / 'there'
    check_space(go2, work, 1000)
    with pytest.raises(ConfigError, match=r'need 1\.\d GB, of which 0\.0 GB are free'):
        check_space(go2, work, 1_500_000)
    (work / 'data').mkdir(parents=True)
    (work / 'data' / 'shard').write_bytes(bytes(size))
    check_space(go2, work, 1001)


def test_size_of_a_transition_is_that_on_disk(go2, tmp_path):
    steps, joints = 5000, go2.num_joints
    episode = Episode(
        proprio_obs=np.zeros((steps + 1, 35), np.float32),
        extero_obs=np.zeros((steps + 1, 315), np.float32),
        commands=np.zeros((steps + 1, 3), np.float32),
        actions=np.zeros((steps, joints), np.float32),
        rewards=np.zeros(steps, np.float32),
        next_values=np.zeros(steps, np.float32),
        is_expert=np.zeros(steps, bool),
        terminated=False,
    )
    with ShardWriter(tmp_path / 'data', go2) as writer:
        writer.add(episode)
    written = sum(path.stat().st_size for path in Path(tmp_path / 'data').iterdir())
    assert 1.0 <= transition_bytes(go2) * steps / written < 1.1
