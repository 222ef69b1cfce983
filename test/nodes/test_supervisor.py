"""What a supervisor in lockstep says again; the node is made here, and never spins."""

from __future__ import annotations

import pytest
import rclpy
from trajectory_msgs.msg import JointTrajectory

from simdist_ros.nodes.supervisor import SupervisorNode

PERIOD_NS = 20_000_000


@pytest.fixture(params=['lockstep', 'realtime'])
def supervisor(request, monkeypatch):
    rclpy.init(args=['--ros-args', '-p', f'mode:={request.param}'])
    node = SupervisorNode()
    node.sent = []
    monkeypatch.setattr(node.command_publisher, 'publish', node.sent.append, raising=False)
    yield node
    node.close()
    node.destroy_node()
    rclpy.try_shutdown()


def test_a_repeated_state_brings_the_last_command_again_in_lockstep_alone(supervisor):
    """Whether it answers that state, or one before whose command did not reach the planner."""
    supervisor.repeat(0)
    assert not supervisor.sent
    supervisor.last = JointTrajectory()
    for stamp_ns in (0, PERIOD_NS):
        supervisor.repeat(stamp_ns)
    assert supervisor.sent == [supervisor.last] * (2 if supervisor.lockstep else 0)
