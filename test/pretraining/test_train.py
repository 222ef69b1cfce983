from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from simdist_ros.core.errors import CheckpointError, ConfigError
from simdist_ros.pretraining.train import stage as train
from simdist_ros.pretraining.train.settings import TrainSettings
from simdist_ros.pretraining.train.stage import learning_rate, robot_architecture, run_train
from simdist_ros.transitions.shards.dataset import DatasetError, ShardWriter
from simdist_ros.transitions.training_windows import split_episodes

from .transitions import ROBOT, TINY, make_episode, write_data

SETTINGS = TrainSettings(
    num_steps=6,
    batch_size=8,
    warmup_steps=2,
    held_out=0.2,
    validation_windows=16,
    validation_interval=3,
)


@pytest.fixture(scope='module')
def data(tmp_path_factory) -> Path:
    return write_data(tmp_path_factory.mktemp('data'))


def quiet(line: str) -> None:
    pass


def trained(data, folder, settings=SETTINGS):
    return run_train(ROBOT, data, folder, settings, architecture=TINY, device='cpu', say=quiet)


def same_weights(one, other) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_training_lowers_the_errors_on_held_out_episodes(data, tmp_path):
    short = trained(data, tmp_path / 'a', replace(SETTINGS, num_steps=2))
    settings = replace(SETTINGS, num_steps=150, batch_size=32, peak_rate=3e-3)
    long = trained(data, tmp_path / 'b', settings)
    assert long.metrics['action'] < 0.6 * short.metrics['action']
    assert long.metrics['reward'] < 0.6 * short.metrics['reward']
    assert long.metrics['value'] < 0.6 * short.metrics['value']
    assert long.metrics['latent_share'] < short.metrics['latent_share']


def test_the_same_seed_gives_the_same_weights(data, tmp_path):
    one, other = (trained(data, tmp_path / name).model for name in 'ab')
    assert same_weights(one, other)
    third = trained(data, tmp_path / 'c', replace(SETTINGS, seed=1)).model
    assert not same_weights(one, third)


def test_a_killed_training_ends_in_the_weights_it_would_have_had(data, tmp_path, monkeypatch):
    whole = trained(data, tmp_path / 'whole')
    monkeypatch.setattr(train, 'STATE_INTERVAL_S', 0.0)
    real = train.Training.save

    def die(self, path, step):
        real(self, path, step)
        if step == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(train.Training, 'save', die)
    with pytest.raises(KeyboardInterrupt):
        trained(data, tmp_path / 'killed')
    monkeypatch.setattr(train.Training, 'save', real)
    resumed = trained(data, tmp_path / 'killed')
    assert same_weights(whole.model, resumed.model)
    assert resumed.metrics == whole.metrics


def test_what_a_killed_training_logged_after_its_state_is_not_logged_twice(data, tmp_path):
    trained(data, tmp_path)
    log = tmp_path / 'metrics.jsonl'
    log.write_text(log.read_text() + '{"step": 99, "total": 1.0}\n{"step": 100, "to')
    trained(data, tmp_path)
    steps = [json.loads(line)['step'] for line in log.read_text().splitlines()]
    assert steps
    assert max(steps) == SETTINGS.num_steps


def test_a_finished_training_is_not_trained_further(data, tmp_path):
    first = trained(data, tmp_path)
    second = trained(data, tmp_path)
    assert same_weights(first.model, second.model)
    assert first.metrics == second.metrics


@pytest.mark.parametrize(
    ('change', 'sentence'),
    [
        ({'peak_rate': 2e-3}, 'settings.peak_rate = 0.001, now it is 0.002'),
        ({'seed': 5}, 'settings.seed = 0, now it is 5'),
        ({'num_steps': 12}, 'settings.num_steps = 6, now it is 12'),
    ],
)
def test_a_resumed_training_refuses_other_settings(data, tmp_path, change, sentence):
    trained(data, tmp_path)
    before = (tmp_path / 'state.safetensors').read_bytes()
    with pytest.raises(ConfigError, match=sentence) as refusal:
        trained(data, tmp_path, replace(SETTINGS, **change))
    assert '\n' not in str(refusal.value)
    assert (tmp_path / 'state.safetensors').read_bytes() == before


def test_a_resumed_training_refuses_other_data(data, tmp_path):
    trained(data, tmp_path / 'training')
    other = write_data(tmp_path / 'other', episodes=5)
    with pytest.raises(ConfigError, match='was begun with data = '):
        trained(other, tmp_path / 'training')


def test_a_damaged_state_is_refused_and_left_alone(data, tmp_path):
    trained(data, tmp_path)
    path = tmp_path / 'state.safetensors'
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(CheckpointError, match='not a state of this model') as refusal:
        trained(data, tmp_path)
    assert 'delete it' in str(refusal.value)
    assert len(path.read_bytes()) == 200


def test_a_folder_with_something_else_in_it_is_refused(data, tmp_path):
    (tmp_path / 'photo.jpg').write_bytes(b'holiday')
    with pytest.raises(ConfigError, match=r'holds something else \(photo.jpg'):
        trained(data, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ['photo.jpg']


def test_data_with_a_number_that_is_not_finite_are_refused(tmp_path):
    with ShardWriter(tmp_path / 'data', ROBOT) as writer:
        for seed in range(3):
            episode = make_episode(20, seed)
            episode.rewards[3] = np.nan
            writer.add(episode)
    with pytest.raises(DatasetError, match='the rewards hold numbers that are not finite'):
        trained(tmp_path / 'data', tmp_path / 'out')


def test_data_that_are_still_being_collected_are_refused(tmp_path):
    writer = ShardWriter(tmp_path / 'data', ROBOT)
    writer.add(make_episode(20, 0))
    writer.flush()
    with pytest.raises(DatasetError, match='is not complete'):
        trained(tmp_path / 'data', tmp_path / 'out')


def write_with(folder, held_out, offset):
    """Write data in which the rewards of the episodes held out are off."""
    with ShardWriter(folder, ROBOT) as writer:
        for number in range(10):
            episode = make_episode(40, number)
            if number in held_out:
                episode.rewards[:] += offset
            writer.add(episode)
    return folder


def test_what_is_held_out_is_validated_on_and_never_trained_on(tmp_path):
    _, held_out = split_episodes(10, SETTINGS.held_out, SETTINGS.seed)
    one = trained(write_with(tmp_path / 'data', held_out, 0.0), tmp_path / 'a')
    other = trained(write_with(tmp_path / 'other', held_out, 50.0), tmp_path / 'b')
    assert same_weights(one.model, other.model)
    assert other.metrics['reward'] > 100.0 * one.metrics['reward']
    assert other.metrics['latent'] == pytest.approx(one.metrics['latent'])


def test_the_rate_rises_linearly_and_falls_along_a_cosine():
    settings = TrainSettings(num_steps=110, warmup_steps=10, peak_rate=1.0, final_rate=0.1)
    assert learning_rate(0, settings) == pytest.approx(0.1)
    assert learning_rate(9, settings) == pytest.approx(1.0)
    assert learning_rate(10, settings) == pytest.approx(1.0)
    assert learning_rate(60, settings) == pytest.approx(0.55)
    assert learning_rate(110, settings) == pytest.approx(0.1)


def test_the_sizes_of_a_model_come_from_its_robot():
    sizes = robot_architecture(ROBOT)
    assert (sizes.proprio_obs_dim, sizes.action_dim, sizes.command_dim) == (35, 12, 3)
    assert (sizes.extero_rows, sizes.extero_columns) == (15, 21)


PROGRAM = """
import sys
from pathlib import Path
from simdist_ros.pretraining.train.stage import run_train
sys.path.insert(0, sys.argv.pop(1))
from transitions import ROBOT, TINY
from simdist_ros.pretraining.train.settings import TrainSettings
from simdist_ros.world_model.store.checkpoint import save_model

data, folder, out = map(Path, sys.argv[1:])
settings = TrainSettings(num_steps=6, batch_size=8, warmup_steps=2, held_out=0.2)
result = run_train(ROBOT, data, folder, settings, architecture=TINY, device='cpu')
if result is not None:
    save_model(out, result.model, robot='go2', created_by='test')
"""


def test_two_processes_train_one_model(data, tmp_path):
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    root = Path(__file__).resolve().parents[2]
    environment = os.environ | {
        'MASTER_ADDR': '127.0.0.1',
        'MASTER_PORT': str(port),
        'WORLD_SIZE': '2',
        'OMP_NUM_THREADS': '1',
        'PYTHONPATH': str(root),
    }
    paths = [Path(__file__).parent, data, tmp_path / 'a', tmp_path / 'm']
    command = [sys.executable, '-c', PROGRAM, *map(str, paths)]
    processes = [
        subprocess.Popen(command, cwd=root, env=environment | {'RANK': rank, 'LOCAL_RANK': rank})
        for rank in '01'
    ]
    try:
        assert [process.wait(300) for process in processes] == [0, 0]
    finally:
        for process in processes:
            process.kill()
    assert (tmp_path / 'm' / 'manifest.yaml').is_file()
    assert (tmp_path / 'a' / 'state.safetensors').is_file()
