import os
import signal
from pathlib import Path

import pytest

launch_pytest = pytest.importorskip(
    'launch_pytest', reason='launch_pytest comes with a ROS 2 installation, not from PyPI'
)

from launch import LaunchDescription  # noqa: E402
from launch.actions import IncludeLaunchDescription  # noqa: E402
from lifecycle_msgs.msg import State  # noqa: E402
from lifecycle_msgs.srv import GetState  # noqa: E402
from trajectory_msgs.msg import JointTrajectory  # noqa: E402

LAUNCH_FILE = Path(__file__).parents[2] / 'launch' / 'bringup.launch.py'
NODES = ('planner', 'supervisor', 'operator', 'mujoco_robot')


def bringup(model, **arguments):
    given = {'model': str(model), 'mode': 'realtime', 'robot': 'go2', 'world': 'nominal'}
    given |= arguments
    return LaunchDescription(
        [
            IncludeLaunchDescription(str(LAUNCH_FILE), launch_arguments=given.items()),
            launch_pytest.actions.ReadyToTest(),
        ]
    )


@launch_pytest.fixture(scope='module')
def graph(model):
    return bringup(model)


@launch_pytest.fixture
def short_graph(model):
    return bringup(model, mode='lockstep', duration_s='0.5')


def pid_of(name):
    """Return the process that runs a node of this test's domain."""
    domain = f'ROS_DOMAIN_ID={os.environ["ROS_DOMAIN_ID"]}'.encode()
    for folder in Path('/proc').glob('[0-9]*'):
        try:
            command = (folder / 'cmdline').read_bytes().split(b'\0')
            environment = (folder / 'environ').read_bytes().split(b'\0')
        except OSError:
            continue
        if f'simdist_ros.nodes.{name}'.encode() in command and domain in environment:
            return int(folder.name)
    return None


def is_active(observer):
    answer = observer.call(GetState, '/planner/get_state', GetState.Request())
    return answer.current_state.id == State.PRIMARY_STATE_ACTIVE


@pytest.mark.launch(fixture=graph)
def test_all_nodes_come_up_and_the_planner_is_configured_and_active(observer):
    assert observer.wait_for(lambda: set(NODES) <= set(observer.node.get_node_names()))
    assert observer.wait_for(lambda: is_active(observer))


@pytest.mark.launch(fixture=graph)
def test_plans_flow_and_are_stamped(observer):
    plans = observer.listen(JointTrajectory, 'plan')
    assert observer.wait_for(lambda: len(plans) >= 10)
    stamps = [(plan.header.stamp.sec, plan.header.stamp.nanosec) for plan in plans]
    assert sorted(set(stamps)) == stamps
    assert all(plan.points for plan in plans)


@pytest.mark.launch(fixture=graph)
def test_a_killed_planner_is_started_again_and_plans_again(observer):
    plans = observer.listen(JointTrajectory, 'plan')
    commands = observer.listen(JointTrajectory, 'joint_command')
    assert observer.wait_for(lambda: len(plans) >= 5)
    killed = pid_of('planner')
    os.kill(killed, signal.SIGKILL)
    assert observer.wait_for(lambda: pid_of('planner') not in (None, killed))
    seen = len(commands)
    assert observer.wait_for(lambda: len(commands) > seen + 5), 'the supervisor fell silent'
    plans.clear()
    assert observer.wait_for(lambda: len(plans) >= 5)


@pytest.mark.launch(fixture=graph, shutdown=True)
def test_after_shutdown_no_node_is_left():
    assert all(pid_of(name) is None for name in NODES)


@pytest.mark.launch(fixture=short_graph)
def test_the_graph_ends_with_the_robot(observer):
    assert observer.wait_for(lambda: pid_of('mujoco_robot') is not None)
    assert observer.wait_for(lambda: all(pid_of(name) is None for name in NODES))
