"""A graph whose robot does not move as its model believes: said once, counted, and it walks on."""

from __future__ import annotations

import json

import torch

from simdist_ros.embodiment.robot import load_robot
from simdist_ros.nodes.model_switch import DOUBTED
from simdist_ros.world_model.store.checkpoint import find_model, load_model, save_model

from .running import running_graph

SECONDS = 2
WINDOW = 50  # ticks, of which the first verdict is


def test_a_belief_that_does_not_hold_is_doubted_from_the_first_window_on(tmp_path):
    model = load_model(find_model('go2_beliefs'), load_robot('go2')).model
    model.belief = torch.zeros(model.identifier.belief_dim)
    model.belief[0] = 1.6  # the first joint has a fifth of its torque
    model.detector = torch.zeros(model.identifier.num_features + 1)
    model.detector[-1] = -9.0
    save_model(tmp_path / 'model', model, robot='go2', created_by='a test')
    arguments = ('--model', str(tmp_path / 'model'), '--mode', 'lockstep')
    with running_graph(tmp_path / 'run', *arguments, '--duration', str(SECONDS)) as graph:
        assert graph.wait() == 0, graph.stderr.read_text()
        report = json.loads(graph.report.read_text())
        assert graph.log('planner').count(DOUBTED) == 1
    assert int(report['planner']['doubted_ticks']) == report['ticks'] - WINDOW
    assert report['falls'] == 0
