"""The operator's services, and Ctrl-C, on graphs whose model has learned nothing."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest
from std_msgs.msg import String
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

from simdist_ros.messages import topics
from simdist_ros.messages.to_messages import stamp_ns
from simdist_ros.nodes.qos import LATCHED
from simdist_ros.transitions.bags.reader import bag_info, read_bag

from .running import observed, running_graph, wait_until

pytestmark = pytest.mark.realtime

NODES = {'supervisor', 'planner', 'transition_logger', 'operator', 'mujoco_robot'}


def is_damping(command: JointTrajectory) -> bool:
    return not command.points[0].positions


@pytest.fixture(scope='module')
def arguments(random_model):
    return (
        '--model', str(random_model), '--mode', 'realtime', '--set', 'planner.backend=torch',
        '--set', 'planner.mppi.num_iterations=0',
    )  # fmt: skip


@pytest.fixture(scope='module')
def events(arguments, tmp_path_factory):
    """Walk, press the e-stop, try to go on, recover; then press Ctrl-C twice."""
    folder = tmp_path_factory.mktemp('estop') / 'graph'
    with running_graph(folder, *arguments) as graph, observed(graph.domain) as observer:
        commands = observer.listen(JointTrajectory, topics.JOINT_COMMAND)
        plans = observer.listen(JointTrajectory, topics.PLAN)
        modes = []
        observer.node.create_subscription(String, topics.MODE, modes.append, LATCHED)
        observer.until(lambda: plans, 'it plans')
        observer.until(
            lambda: len(commands) > 10 and not any(map(is_damping, commands[-10:])), 'it walks'
        )
        before = len(commands)

        def press(mode):
            return observer.call(Trigger, f'supervisor/{mode}')

        stopped = press('estop')
        stopped_ns = time.time_ns()
        tried = {mode: press(mode) for mode in ('off', 'stand', 'follow')}
        heard = len(commands)
        observer.until(lambda: len(commands) > heard + 20, 'commands go on')
        after_trying = modes[-1].data
        recovered = press('recover')
        observer.until(lambda: modes[-1].data == 'recover', 'the mode is told')
        graph.interrupt_twice()
        yield SimpleNamespace(
            graph=graph,
            before=commands[:before],
            after=commands[before:],
            stopped=stopped,
            stopped_ns=stopped_ns,
            tried=tried,
            after_trying=after_trying,
            recovered=recovered,
            code=graph.wait(),
        )


def test_the_estop_damps_the_joints_at_once(events):
    assert (events.stopped.success, events.stopped.message) == (True, 'mode is estop')
    assert not is_damping(events.before[-1])
    first = next(command for command in events.after if is_damping(command))
    assert stamp_ns(first) <= events.stopped_ns  # sent before the service answered


def test_after_the_estop_the_joints_stay_damped_whatever_the_plan_says(events):
    later = [command for command in events.after if stamp_ns(command) > events.stopped_ns]
    assert len(later) > 10
    assert all(map(is_damping, later))


def test_the_estop_is_left_only_by_recover(events):
    assert events.after_trying == 'estop'
    for mode, response in events.tried.items():
        assert not response.success
        assert response.message == f'{mode} is refused from estop: recover first'
    assert (events.recovered.success, events.recovered.message) == (True, 'mode is recover')


def test_ctrl_c_twice_ends_a_running_graph(events):
    assert events.code == 0, events.graph.stderr.read_text()
    assert events.graph.alive() == set()
    assert 'Traceback' not in events.graph.stderr.read_text()
    for name in NODES:
        assert 'Traceback' not in events.graph.log(name), name


def test_the_bag_of_an_interrupted_run_is_whole(events):
    info = bag_info(events.graph.bag)
    assert not info.is_cut_off
    assert sum(1 for _ in read_bag(events.graph.bag)) == info.message_count
    modes = [entry.message.data for entry in read_bag(events.graph.bag, ['/mode'])]
    assert modes.index('follow') < modes.index('estop') < modes.index('recover')
    assert ' 0 lost' in events.graph.log('transition_logger')


def first_child(graph):
    return graph.pids()


def all_children(graph):
    return set(graph.pids()) == NODES


def bag_is_open(graph):
    return (graph.bag / 'metadata.yaml').exists()


@pytest.mark.parametrize('moment', [first_child, all_children, bag_is_open])
def test_ctrl_c_twice_ends_a_graph_that_is_still_starting(moment, random_model, tmp_path):
    # With a search, which the planner first fits to its budget.
    with running_graph(tmp_path / 'graph', '--model', str(random_model)) as graph:
        wait_until(lambda: moment(graph), moment.__name__)
        graph.interrupt_twice()
        assert graph.wait() == 0, graph.stderr.read_text()
        assert 'error' not in graph.stderr.read_text()
