"""The published model walks through the graph, as far as its authors' figures say it should."""

from __future__ import annotations

import contextlib
import json

import pytest

from simdist_ros.transitions.bags.reader import read_bag

from .running import running_graph

SMALL_SEARCH = ('num_samples=16', 'num_iterations=2')


@pytest.fixture(scope='module')
def graphs(published_model, tmp_path_factory):
    """Walk with the policy prior alone, and with a small search, at the same time."""
    folder = tmp_path_factory.mktemp('published')
    common = ('--model', str(published_model), '--mode', 'lockstep', '--vx', '0.5')
    prior = ('--duration', '10', '--set', 'planner.mppi.num_iterations=0')
    search = ['--duration', '4']
    for size in SMALL_SEARCH:
        search += ['--set', f'planner.mppi.{size}']
    with contextlib.ExitStack() as stack:
        graphs = {
            'prior': stack.enter_context(running_graph(folder / 'prior', *common, *prior)),
            'search': stack.enter_context(running_graph(folder / 'search', *common, *search)),
        }
        for graph in graphs.values():
            assert graph.wait() == 0, graph.stderr.read_text()
        yield graphs


@pytest.fixture(scope='module')
def reports(graphs):
    return {name: json.loads(graph.report.read_text()) for name, graph in graphs.items()}


def test_the_policy_prior_alone_walks_five_metres_in_ten_seconds(reports):
    report = reports['prior']
    assert not report['fell']
    assert report['distance_m'] >= 5.0
    assert 9.5 <= report['duration_s'] <= 10.0
    assert report['tracking_error_mps'] < 0.2
    assert report['late_ticks'] == 0


def test_a_small_search_walks_too_and_plans_every_tick(reports, graphs):
    report = reports['search']
    assert not report['fell']
    assert report['distance_m'] >= 1.5
    assert report['late_ticks'] == 0
    assert report['planner']['num_samples'] == 16
    assert report['planner']['num_iterations'] == 2
    assert report['planner']['ticks_without_plan'] == 0
    sources = set()
    for entry in read_bag(graphs['search'].bag, ['/planner/tick']):
        values = {pair.key: pair.value for pair in entry.message.status[0].values}
        sources.add(values['source'])
    assert sources == {'mppi'}
