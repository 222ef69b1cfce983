import os
import signal

import pytest

launch_pytest = pytest.importorskip(
    'launch_pytest', reason='launch_pytest comes with a ROS 2 installation, not from PyPI'
)

from lifecycle_msgs.msg import State  # noqa: E402
from lifecycle_msgs.srv import GetState  # noqa: E402
from trajectory_msgs.msg import JointTrajectory  # noqa: E402

from .launched import NODES, bringup, pid_of  # noqa: E402


@launch_pytest.fixture(scope='module')
def graph(model):
    return bringup(model)


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
