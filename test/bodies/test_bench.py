"""The benchmark of adaptation with an arm that reaches: no velocity, no base, no falls."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch

from simdist_ros.cli import main
from simdist_ros.evaluation.goal_feedback import GoalFeedback, can_be_corrected
from simdist_ros.pretraining.expert.files import save_networks
from simdist_ros.pretraining.expert.networks import Actor
from simdist_ros.pretraining.recipe import load_recipe
from simdist_ros.pretraining.train.stage import robot_architecture
from simdist_ros.studies.ceilings import with_ceiling
from simdist_ros.tasks.choice import task_of
from simdist_ros.world_model.model import WorldModel
from simdist_ros.world_model.store.checkpoint import save_model

from .test_reaching import PLACE, TINY

SMALL = {
    'grid.worlds': 'weak_motors',
    'grid.num_seeds': '1',
    'grid.dynamics_minutes': '0.05',
    'grid.residual_seeds': '0',
    'trial.walk_s': '1.5',
    'trial.judged_s': '1.2',
    'trial.held_out_minutes': '0.03',
    'finetune.max_steps': '4',
    'finetune.validation_interval': '2',
    'bags.episode_s': '0.5',
    'bags.min_episode_s': '0.3',
    'mppi.explore_steps': '2',
    'nominal.rounds': '0',
}


@pytest.fixture(scope='module')
def report(arm, tmp_path_factory):
    """Benchmark a model that has learned nothing and carries an expert that has not either."""
    folder = tmp_path_factory.mktemp('bench')
    (folder / 'ceilings').mkdir()
    torch.manual_seed(0)
    for path in (folder / 'expert.safetensors', folder / 'ceilings' / 'weak_motors.safetensors'):
        save_networks(path, Actor(arm, load_recipe(arm)), None, {'robot': arm.name})
    sizes = {**TINY, 'history_steps': 3, 'horizon_steps': 6}
    network = WorldModel(dataclasses.replace(robot_architecture(arm), **sizes), seed=0)
    network = with_ceiling(network, folder / 'expert.safetensors')
    save_model(folder / 'model', network, robot=arm.name, task='reach', created_by='a test')
    settings = {**SMALL, 'grid.ceilings': str(folder / 'ceilings')}
    words = [word for item in settings.items() for word in ('--set', '='.join(item))]
    arguments = ['bench', 'adaptation', '--preset', 'smoke', '--robot', str(arm.source)]
    arguments += ['--model', str(folder / 'model'), '--work', str(folder / 'work'), *words]
    assert main([*arguments, '--processes', '1']) == 0
    return folder / 'work' / 'report'


def test_every_method_reaches_and_is_told_in_the_words_of_its_task(report):
    rows = json.loads((report / 'report.json').read_text())['rows']
    methods = {row['method'] for row in rows if row['world'] == 'weak_motors'}
    rivals = {'expert', 'expert_pi', 'policy', 'policy_pi', 'ceiling'}
    assert methods == {'none', *rivals, 'dynamics', 'dynamics_nominal'}
    for row in rows:
        assert row['speed'] == 0.0
        assert not row['fell']
        assert np.isfinite([row['tracking_error_m'], row['reward_per_s'], row['progress_m']]).all()
        assert row['progress_m'] <= row['line_m']
        assert row['succeeded'] in (True, False)


def test_its_tables_have_no_speeds_and_tell_successes(report):
    text = (report / 'report.md').read_text()
    assert 'Progress: metres by which the tool came nearer to its place' in text
    assert "task 'reach' has no speeds, so grid.speeds does not count" in text
    assert '| success | tracking error [m] |' in text
    assert 'falls |' not in text
    assert 'm/s' not in text.split('## Sizes')[0]
    assert (report / 'weak_motors.png').stat().st_size > 10_000


def test_an_integral_moves_the_place_asked_for_beyond_one_that_is_not_reached(arm):
    task = task_of(arm)
    assert can_be_corrected(arm)
    feedback = GoalFeedback(task)
    wanted = PLACE.astype(np.float32)
    sagging = wanted - [0.0, 0.0, 0.05]
    joint_pos = inverse(task, sagging)
    observed = np.concatenate([joint_pos - arm.per_joint('default'), np.zeros(3)])
    asked = [feedback.command(wanted, observed) for _ in range(150)]
    np.testing.assert_allclose(asked[0], wanted + [0.0, 0.0, 0.025], atol=1e-3)
    np.testing.assert_allclose(asked[-1], wanted + [0.0, 0.0, 0.025 + 0.06], atol=2e-3)


def inverse(task, place):
    """Return joint angles at which the tool is at a place."""
    angles = task.robot.per_joint('stand').copy()
    for _ in range(50):
        now = task.chain.position(angles)
        steps = 1e-5 * np.eye(3)
        columns = [(task.chain.position(angles + step) - now) / 1e-5 for step in steps]
        angles = angles + np.linalg.lstsq(np.array(columns).T, place - now, rcond=None)[0]
    np.testing.assert_allclose(task.chain.position(angles), place, atol=1e-6)
    return angles
