"""Trials of an arm in the real graph, in lockstep; its model has learned nothing."""

from __future__ import annotations

import dataclasses
import itertools
import json

import numpy as np
import pytest

from simdist_ros.embodiment.action_space import action_space_of
from simdist_ros.embodiment.robot import load_robot
from simdist_ros.evaluation.recording import read_recording
from simdist_ros.pretraining.train.stage import robot_architecture
from simdist_ros.tasks.choice import task_of
from simdist_ros.world_model.model import WorldModel
from simdist_ros.world_model.store.checkpoint import save_model

from .running import running_graph

TINY = {
    'latent_dim': 8,
    'policy_layers': 1,
    'dynamics_layers': 1,
    'dynamics_heads': 2,
    'policy_heads': 2,
    'reward_heads': 2,
    'value_heads': 2,
    'history_steps': 4,
    'horizon_steps': 4,
}
NUMBER = 3
LIMITS = 'max_speed_mps: 0.5'


def slow_arm(folder, speed):
    """Write the description of a UR5e that stops at another speed of its tool."""
    robot = load_robot('ur5e')
    text = robot.source.read_text()
    assert text.count(LIMITS) == 1
    text = text.replace(LIMITS, f'max_speed_mps: {speed}')
    (folder / 'ur5e.yaml').write_text(text)
    (folder / 'ur5e.xml').write_text(robot.mjcf_path.read_text())
    return folder / 'ur5e.yaml'


@pytest.fixture(scope='module')
def model(tmp_path_factory):
    folder, robot = tmp_path_factory.mktemp('models') / 'peg', load_robot('ur5e')
    network = WorldModel(dataclasses.replace(robot_architecture(robot), **TINY), seed=0)
    kind = action_space_of(robot).kind
    save_model(folder, network, robot='ur5e', task='peg', actions=kind, created_by='a test')
    return folder


@pytest.fixture(scope='module')
def graphs(model, tmp_path_factory):
    """Three trials of 0.8 s each, of an arm that may move and of one that stops at once."""
    found = {}
    for name, speed in (('moves', 0.5), ('stops', 0.006)):
        folder = tmp_path_factory.mktemp(name)
        robot = slow_arm(folder, speed)
        given = ['--robot', str(robot), '--task', 'peg', '--world', 'cell', '--model', str(model)]
        given += ['--mode', 'lockstep', '--episodes', str(NUMBER), '--seed', '5']
        given += ['--set', 'mujoco_robot.trial_s=0.8', '--set', 'planner.mppi.num_samples=8']
        with running_graph(folder / 'run', *given) as graph:
            assert graph.wait() == 0, graph.stderr.read_text()
            report = json.loads(graph.report.read_text())
            found[name] = report, read_recording(graph.bag, load_robot(str(robot)))
    return found


def test_a_report_tells_what_came_of_the_trials(graphs):
    report, recording = graphs['moves']
    trials = list(recording.trials.values())
    assert [trial['number'] for trial in trials] == ['0', '1', '2']
    assert report['episodes'] == NUMBER
    succeeded = [trial['succeeded'] == '1' for trial in trials]
    assert report['success_rate'] == pytest.approx(np.mean(succeeded))
    assert set(report['success_by_start']) == {trial['start'] for trial in trials}
    force = max(float(np.linalg.norm(wrench[:3])) for wrench in recording.wrench.values())
    assert report['max_force_n'] == pytest.approx(force)
    assert report['run']['episodes'] == NUMBER


def test_each_trial_is_asked_for_a_hole_of_its_own(graphs):
    _, recording = graphs['moves']
    task = task_of(load_robot('ur5e'))
    goals = np.unique(np.round(list(recording.command.values()), 6), axis=0)
    assert len(goals) == NUMBER
    assert all(task.goal.holds(goal) for goal in goals)


def begins(recording):
    """Return the first stamps that count of the trials after the first, and their ticks."""
    stamps = sorted(recording.supervisor)
    after = [b for a, b in itertools.pairwise(stamps) if b - a > 1_000_000_000]
    assert len(after) == NUMBER - 1
    return [stamp + 500_000_000 for stamp in after]


def test_what_was_told_in_one_trial_is_forgotten_in_the_next(graphs):
    _, recording = graphs['moves']
    for stamp in begins(recording):
        assert recording.supervisor[stamp]['fault'] == 'none'
        assert recording.planner[stamp]['source'] != 'none'
        later = recording.joint_pos[stamp + 100_000_000]
        assert np.abs(later - recording.joint_pos[stamp]).max() < 0.1


def test_an_arm_that_stops_itself_holds_and_is_led_out_for_the_next_trial(graphs):
    report, recording = graphs['stops']
    assert report['episodes'] == NUMBER
    faults = [tick['fault'] for tick in recording.supervisor.values()]
    assert 'tool_speed' in faults
    stamps = sorted(recording.supervisor)
    first = next(s for s in stamps if recording.supervisor[s]['fault'] == 'tool_speed')
    tick = recording.supervisor[first]
    assert (tick['mode'], tick['action']) == ('recover', 'hold')
    assert recording.supervisor[first + 100_000_000]['mode'] == 'recover'
    for stamp in begins(recording):
        assert recording.supervisor[stamp + 100_000_000]['mode'] in ('follow', 'recover')
    modes = [recording.supervisor[stamp]['mode'] for stamp in stamps]
    assert sum(a == 'recover' and b == 'follow' for a, b in itertools.pairwise(modes))
