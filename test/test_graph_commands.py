from __future__ import annotations

import os

import pytest

from simdist_ros.bringup.graph_records import GraphRecord
from simdist_ros.cli import main
from simdist_ros.core.errors import ConfigError
from simdist_ros.graph_commands import choose_graph


def graph(domain: int) -> GraphRecord:
    return GraphRecord(
        pid=domain, domain=domain, started='', robot='go2', mode='lockstep',
        folder=f'runs/{domain}', environment={'ROS_DOMAIN_ID': str(domain)},
    )  # fmt: skip


@pytest.fixture
def no_domain(monkeypatch):
    """For what only chooses: a command that is sent would reach whatever graph runs here."""
    monkeypatch.setenv('ROS_DOMAIN_ID', '')


def test_a_command_of_a_test_reaches_no_graph_that_the_test_did_not_start():
    foreign = int(os.environ['ROS_DOMAIN_ID']) + 1
    assert choose_graph([graph(foreign)], None) is None
    assert os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] == 'LOCALHOST'


@pytest.mark.usefixtures('no_domain')
def test_the_only_graph_is_meant_and_none_is_nobodys():
    assert choose_graph([graph(3)], None) == graph(3)
    assert choose_graph([], None) is None


@pytest.mark.usefixtures('no_domain')
def test_of_several_graphs_none_is_guessed():
    with pytest.raises(ConfigError, match=r'choose one with --domain \(3: go2, lockstep, runs/3;'):
        choose_graph([graph(3), graph(4)], None)


@pytest.mark.usefixtures('no_domain')
def test_the_domain_given_decides_and_so_does_the_environments(monkeypatch):
    assert choose_graph([graph(3), graph(4)], 3) == graph(3)
    assert choose_graph([graph(3)], 9) is None
    monkeypatch.setenv('ROS_DOMAIN_ID', '4')
    assert choose_graph([graph(3), graph(4)], None) == graph(4)


@pytest.mark.parametrize(
    ('arguments', 'sentence'),
    [
        (('--domain', 'x'), "--domain is 'x'; it must be a whole number"),
        (('--timeout', '0'), '--timeout is 0.0 s; allowed: more than 0.0, to 600.0 s'),
        (('--timeout', 'soon'), "--timeout is 'soon'; it must be a finite number"),
    ],
)
@pytest.mark.parametrize('command', ['status', 'estop'])
def test_bad_options_of_the_operator_are_refused(capsys, command, arguments, sentence):
    assert main([command, *arguments]) == 2
    assert capsys.readouterr().err == f'error: {sentence}\n'
