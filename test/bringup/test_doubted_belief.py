"""A graph whose robot does not move as its model believes: said once, counted, and it walks on."""

from __future__ import annotations

import json

import pytest
import torch

from simdist_ros.embodiment.robot import load_robot
from simdist_ros.nodes.model_switch import BELIEVED, DOUBTED
from simdist_ros.world_model.detector import detector_shape
from simdist_ros.world_model.store.checkpoint import find_model, load_model, save_model

from .running import running_graph

SECONDS = 3
WINDOW = 50  # ticks, of which a verdict is


def test_a_fault_that_is_found_and_no_longer_seen_is_said_and_counted(tmp_path):
    model = load_model(find_model('go2_beliefs'), load_robot('go2')).model
    model.belief = torch.zeros(model.identifier.belief_dim)
    model.belief[0] = 1.6  # the first joint has a fifth of its torque
    model.detector = torch.zeros(detector_shape(model.identifier))
    model.detector[0, -1] = 9.0  # believed again a window later
    model.detector[1, -1] = -9.0  # doubted after the first window
    save_model(tmp_path / 'model', model, robot='go2', created_by='a test')
    arguments = ('--model', str(tmp_path / 'model'), '--mode', 'lockstep')
    with running_graph(tmp_path / 'run', *arguments, '--duration', str(SECONDS)) as graph:
        assert graph.wait() == 0, graph.stderr.read_text()
        report = json.loads(graph.report.read_text())
        log = graph.log('planner')
    assert (log.count(DOUBTED), log.count(BELIEVED)) == (2, 1)
    assert report['planner']['doubted_ticks'] == pytest.approx(WINDOW, abs=2)
    assert report['falls'] == 0
