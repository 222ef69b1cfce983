"""Curves as TensorBoard reads them back."""

import dataclasses
import sys
import time

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from simdist_ros.jobs.metrics_log import MetricsLog
from simdist_ros.pretraining.expert.stage import run_expert
from simdist_ros.pretraining.presets import EXPERT_PRESETS
from simdist_ros.pretraining.train.settings import TrainSettings
from simdist_ros.pretraining.train.stage import run_train

from ..pretraining.transitions import ROBOT, TINY, write_data


def curves(folder):
    """Read name: {step: value} from the event files of a folder."""
    events = EventAccumulator(str(folder)).Reload()
    return {
        name: {event.step: event.value for event in events.Scalars(name)}
        for name in events.Tags()['scalars']
    }


def log(folder, start, points):
    metrics = MetricsLog(folder, start)
    for step, value in points.items():
        metrics.write(step, {'reward': value})
    metrics.close()


def test_every_point_is_read_back(tmp_path):
    log(tmp_path, 0, {10: 0.5, 20: 0.75})
    assert curves(tmp_path) == {'reward': {10: 0.5, 20: 0.75}}


def test_what_was_logged_after_the_last_checkpoint_is_replaced_by_the_resumed_run(tmp_path):
    log(tmp_path, 0, {10: 1.0, 20: 2.0, 30: 3.0})
    time.sleep(1.1)  # files are read in the order of the seconds in their names
    log(tmp_path, 10, {20: 2.5})
    assert curves(tmp_path) == {'reward': {10: 1.0, 20: 2.5}}


def test_a_run_with_nothing_to_say_leaves_no_file(tmp_path):
    log(tmp_path, 0, {})
    assert list(tmp_path.iterdir()) == []


def test_without_tensorboard_it_says_so_once_and_goes_on(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, 'torch.utils.tensorboard', None)  # as if not installed
    log(tmp_path, 0, {1: 1.0, 2: 2.0})
    assert capsys.readouterr().err.count("pip install 'simdist_ros[pretrain]'") == 1
    assert list(tmp_path.iterdir()) == []


def test_the_expert_logs_each_update(tmp_path):
    tiny = dataclasses.replace(
        EXPERT_PRESETS['smoke'], num_robots=4, horizon_steps=4, total_steps=32, policies_kept=1
    )
    run_expert(ROBOT, tmp_path / 'expert', tiny, shows_progress=False)
    found = curves(tmp_path / 'expert' / 'tensorboard')
    assert sorted(found['reward']) == [16, 32]
    assert {'velocity', 'falls', 'kl', 'value_loss', 'steps_per_s'} <= set(found)


def test_the_training_logs_what_it_says_and_what_it_validates(tmp_path):
    settings = TrainSettings(
        num_steps=4,
        batch_size=8,
        warmup_steps=1,
        held_out=0.2,
        validation_windows=8,
        validation_interval=2,
    )
    folder = tmp_path / 'train'
    data = write_data(tmp_path / 'data', episodes=4)
    result = run_train(ROBOT, data, folder, settings, architecture=TINY, device='cpu')
    found = curves(folder / 'tensorboard')
    assert sorted(found['held_out/total']) == [2, 4]
    assert found['held_out/total'][4] == pytest.approx(result.metrics['total'])
    assert sorted(found['total']) == [4]
