"""What a node says of inputs that never come; nodes of two contexts are two processes here."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from geometry_msgs.msg import Twist, TwistStamped, Vector3
from rclpy.node import Node
from sensor_msgs.msg import Imu

from simdist_ros.embodiment.robot import load_robot
from simdist_ros.messages import topics
from simdist_ros.nodes.inputs import PATIENT_LOOKS, STARTING_LOOKS, Inputs, other_types
from simdist_ros.nodes.wanted_command import WantedCommand

from .conftest import new_context


@pytest.fixture
def other_process():
    """Another node as in a process of its own, which may give a topic another type."""
    context = new_context()
    node = Node('teleop', context=context, enable_rosout=False)
    yield node
    node.destroy_node()
    context.shutdown()


def wait_for_teleop(node):
    """Return what is said by topic, once the other node's name is known."""
    end = time.monotonic() + 60.0
    while 'teleop' not in str(found := other_types(node, (topics.IMU, topics.COMMAND_VELOCITY))):
        assert time.monotonic() < end
        time.sleep(0.02)
    return found


@pytest.mark.parametrize(
    ('topic', 'kind', 'found', 'expected'),
    [
        (topics.COMMAND_VELOCITY, Twist, 'geometry_msgs/msg/Twist', TwistStamped),
        (topics.IMU, Vector3, 'geometry_msgs/msg/Vector3', Imu),
    ],
)
def test_another_type_on_a_needed_topic_is_named_with_topic_found_and_expected(
    make_node, other_process, topic, kind, found, expected
):
    node = make_node()
    node.create_subscription(expected, topic, print, 10)
    other_process.create_publisher(kind, topic, 10)
    said = wait_for_teleop(node)
    package = expected.__module__.partition('.')[0]
    assert said[topic].startswith(f'/{topic} is published as {found} by /teleop, ')
    assert f'expected {package}/msg/{expected.__name__}:' in said[topic]
    assert len(said) == 1


def test_the_expected_type_and_whoever_only_listens_to_another_are_no_fault(
    make_node, other_process
):
    node = make_node()
    node.create_subscription(TwistStamped, 'cmd_vel', print, 10)
    other_process.create_subscription(Twist, 'cmd_vel', print, 10)
    other_process.create_publisher(Imu, 'imu/data', 10)
    other_process.create_publisher(Vector3, 'foreign', 10)
    end = time.monotonic() + 60.0
    while len(dict(node.get_topic_names_and_types()).get('/cmd_vel', ())) < 2:
        assert time.monotonic() < end
        time.sleep(0.02)
    assert other_types(node, (topics.COMMAND_VELOCITY, topics.IMU)) == {}


class Logs:
    """A node's logger that keeps warnings."""

    def __init__(self):
        self.warnings = []

    def warning(self, text):
        self.warnings.append(text)


def test_the_log_says_what_stays_wrong_not_what_is_still_to_come(make_node, monkeypatch):
    node, logs, said = make_node(), Logs(), ['no state']
    monkeypatch.setattr(node, 'get_logger', lambda: logs)
    needed = Inputs(node, (topics.IMU,), lambda: said[0])
    for _ in range(STARTING_LOOKS - 1):
        assert needed.look() == 'no state'
    said[0] = ''
    assert needed.look() == ''
    assert logs.warnings == []
    said[0] = 'no state again'
    for _ in range(PATIENT_LOOKS - 1):
        needed.look()
    assert logs.warnings == []
    for _ in range(5):
        needed.look()
    assert logs.warnings == ['no state again']


def test_at_the_start_the_log_waits_for_what_is_still_to_come_but_not_for_another_type(
    make_node, other_process, monkeypatch
):
    node, logs = make_node(), Logs()
    monkeypatch.setattr(node, 'get_logger', lambda: logs)
    silent = Inputs(node, (topics.IMU,), lambda: 'no state')
    for _ in range(STARTING_LOOKS):
        assert logs.warnings == []
        silent.look()
    assert logs.warnings == ['no state']
    node.create_subscription(TwistStamped, topics.COMMAND_VELOCITY, print, 10)
    other_process.create_publisher(Twist, topics.COMMAND_VELOCITY, 10)
    said = wait_for_teleop(node)[topics.COMMAND_VELOCITY]
    misfit = Inputs(node, (topics.COMMAND_VELOCITY,), lambda: 'no state')
    for _ in range(PATIENT_LOOKS):
        assert len(logs.warnings) == 1
        misfit.look()
    assert logs.warnings[1:] == [said]


def command(stamp_ns):
    told = WantedCommand(load_robot('go2'), 0.5, lambda *_: None)
    told.stamp_ns = stamp_ns
    return told


def test_in_lockstep_a_command_that_never_answers_the_state_is_named_with_how_far_off(state):
    state = replace(state, stamp_ns=5_000_000_000)
    assert 'no cmd_vel has come' in command(-1).why_no_answer(state)
    assert 'stamped 5 s before the state' in command(0).why_no_answer(state)
    assert command(4_980_000_000).why_no_answer(state) == ''
    assert command(-1).why_no_answer(None) == ''
