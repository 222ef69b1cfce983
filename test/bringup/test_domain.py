import os
import signal
import socket
import subprocess
import sys

import pytest

from simdist_ros.bringup import ros_domain as domains
from simdist_ros.bringup.graph import GraphOptions
from simdist_ros.bringup.graph_records import record_graph, running_graphs
from simdist_ros.bringup.ros_domain import given_domain, hold_free_domain, is_domain_in_use
from simdist_ros.bringup.run import graph_environment
from simdist_ros.core.errors import ConfigError

HOLD = """
import sys
from pathlib import Path
from simdist_ros.bringup.ros_domain import hold_free_domain
from simdist_ros.bringup.graph_records import record_graph
with hold_free_domain() as domain:
    with record_graph('go2', 'lockstep', Path('runs'), {'ROS_DOMAIN_ID': str(domain)}):
        print(domain, flush=True)
        sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def own_runtime_folder(tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_RUNTIME_DIR', str(tmp_path))


@pytest.fixture
def holder():
    """Another process that holds a domain and has recorded a graph."""
    process = subprocess.Popen(
        [sys.executable, '-c', HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    process.domain = int(process.stdout.readline())
    yield process
    process.kill()
    process.communicate()


def test_a_domain_that_another_process_holds_is_not_given_again(holder, monkeypatch):
    monkeypatch.setattr(domains, 'DOMAINS', range(holder.domain, holder.domain + 1))
    with pytest.raises(ConfigError, match='in use; end a graph, or set ROS_DOMAIN_ID'):
        hold_free_domain().__enter__()


def test_a_killed_process_gives_its_domain_back(holder, monkeypatch):
    monkeypatch.setattr(domains, 'DOMAINS', range(holder.domain, holder.domain + 1))
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with hold_free_domain() as domain:
        assert domain == holder.domain
    with hold_free_domain() as domain:  # the end of the context gives it back too
        assert domain == holder.domain


@pytest.mark.parametrize('offset', [0, 10, 249])
def test_a_domain_in_which_somebody_listens_is_not_taken(offset, monkeypatch):
    monkeypatch.setattr(domains, 'DOMAINS', range(98, 100))
    assert not is_domain_in_use(99)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(('127.0.0.1', 7400 + 250 * 99 + offset))
        assert is_domain_in_use(99)
        assert not is_domain_in_use(98)
        assert not is_domain_in_use(100)
        with hold_free_domain() as domain:
            assert domain == 98


def test_domain_0_where_everybody_is_by_default_is_never_taken():
    assert 0 not in domains.DOMAINS


@pytest.mark.parametrize('empty', ['', ' '])
def test_a_stand_in_takes_a_domain_by_itself(empty, monkeypatch):
    monkeypatch.setenv('ROS_DOMAIN_ID', empty)
    with (
        graph_environment(GraphOptions()) as one,
        graph_environment(GraphOptions()) as other,
    ):
        assert one['ROS_DOMAIN_ID'] != other['ROS_DOMAIN_ID']


def test_the_domain_that_the_user_set_is_kept_and_so_is_that_of_a_real_robot(monkeypatch):
    monkeypatch.setenv('ROS_DOMAIN_ID', '17')
    with graph_environment(GraphOptions()) as environment:
        assert 'ROS_DOMAIN_ID' not in environment
    monkeypatch.delenv('ROS_DOMAIN_ID')
    with graph_environment(GraphOptions(use_mock_hardware=False)) as environment:
        assert 'ROS_DOMAIN_ID' not in environment


@pytest.mark.parametrize('text', ['one', '-1', '233', '1.5'])
def test_what_is_no_domain_is_refused(text, monkeypatch):
    monkeypatch.setenv('ROS_DOMAIN_ID', text)
    with pytest.raises(ConfigError, match=f"ROS_DOMAIN_ID is '{text}'; it must be a whole number"):
        given_domain()


def test_a_graph_is_found_while_it_runs(tmp_path):
    environment = {'ROS_DOMAIN_ID': '17', 'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST', 'A': 'b'}
    assert running_graphs() == []
    with record_graph('go2', 'realtime', tmp_path / 'run', environment) as record:
        assert running_graphs() == [record]
        assert (record.pid, record.domain) == (os.getpid(), 17)
        assert (record.robot, record.mode) == ('go2', 'realtime')
        assert record.folder == str(tmp_path / 'run')
        assert record.environment == {
            'ROS_DOMAIN_ID': '17',
            'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
        }
    assert running_graphs() == []


def test_a_graph_that_was_killed_is_not_found(holder):
    (found,) = running_graphs()
    assert (found.pid, found.domain) == (holder.pid, holder.domain)
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert running_graphs() == []
