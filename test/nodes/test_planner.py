"""When a planner in lockstep answers a state; the node is configured here, and never spins."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import rclpy

from simdist_ros.messages.to_messages import command_to_msg
from simdist_ros.nodes.planner import PlannerNode

PERIOD_NS = 20_000_000
BEFORE, LATER = None, 0  # the tick before: of the first state, and then


@pytest.fixture(scope='module')
def planner():
    given = ['mode:=lockstep', 'model:=go2', 'mppi.num_iterations:=0']
    rclpy.init(args=['--ros-args', *(word for text in given for word in ('-p', text))])
    node = PlannerNode()
    node.trigger_configure()
    assert not node.failure
    yield node.answers
    node.close()
    node.destroy_node()
    rclpy.try_shutdown()


def answers(planner, stamp_ns, step, *, asked_ns, executed_ns):
    """Tell whether it answers a state with what it knows by then."""
    planner.command.take(command_to_msg(asked_ns, np.zeros(3)))
    planner.executed_stamp_ns, planner.controller.step = executed_ns, step
    return planner.is_complete(SimpleNamespace(stamp_ns=stamp_ns))


def test_the_first_state_waits_for_its_command_alone(planner):
    assert answers(planner, 0, BEFORE, asked_ns=0, executed_ns=None)
    assert not answers(planner, PERIOD_NS, BEFORE, asked_ns=0, executed_ns=None)


@pytest.mark.parametrize('start_ns', [0, 1_700_000_000_000_000_000])
def test_each_later_state_waits_for_what_was_executed_in_the_one_before(planner, start_ns):
    """Also the second of a clock that begins at 0, or the walk depends on who was faster."""
    second = start_ns + PERIOD_NS
    assert not answers(planner, second, LATER, asked_ns=second, executed_ns=None)
    assert answers(planner, second, LATER, asked_ns=second, executed_ns=start_ns)
    third = second + PERIOD_NS
    assert not answers(planner, third, LATER, asked_ns=third, executed_ns=start_ns)
    assert not answers(planner, third, LATER, asked_ns=second, executed_ns=second)
