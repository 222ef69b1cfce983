"""Walks that end because their time is over."""

from __future__ import annotations

import json

import pytest

from .running import running_graph

PRIOR = ('--set', 'planner.mppi.num_iterations=0', '--set', 'planner.backend=torch')


def run(folder, model, mode, duration_s):
    arguments = ('--model', str(model), '--mode', mode, '--duration', duration_s, *PRIOR)
    with running_graph(folder, *arguments) as graph:
        assert graph.wait() == 0, graph.stderr.read_text()
    return graph


def test_the_shortest_walk_is_one_tick(random_model, tmp_path):
    graph = run(tmp_path / 'graph', random_model, 'lockstep', '0.001')
    report = json.loads(graph.report.read_text())
    assert report['duration_s'] == pytest.approx(0.02)
    assert report['ticks'] == 2  # its beginning and its end


def test_a_walk_whose_time_is_over_ends_with_the_joints_damped_and_no_alarm(
    random_model, tmp_path
):
    graph = run(tmp_path / 'graph', random_model, 'realtime', '1')
    said = graph.log('supervisor').splitlines()
    first = next(i for i, line in enumerate(said) if 'mode off: damp' in line)
    assert all(line.startswith('[INFO]') for line in said[first:])
    assert 'mode off' not in graph.stderr.read_text()
