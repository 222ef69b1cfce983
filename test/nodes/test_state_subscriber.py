from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from simdist_ros.embodiment.sensors import SENSORS
from simdist_ros.messages import to_messages as messages
from simdist_ros.messages import topics
from simdist_ros.nodes.qos import RELIABLE
from simdist_ros.nodes.state_subscriber import StateSubscriber

PERIOD_NS = 20_000_000


class Log:
    """Collects errors."""

    def __init__(self):
        self.errors = []

    def error(self, text):
        self.errors.append(text)


class FakeNode:
    """Keeps what was subscribed, so that a test can hand over messages itself."""

    def __init__(self):
        self.handlers, self.log = {}, Log()
        self.published = {topics.JOINT_STATES, topics.IMU, topics.ODOM, topics.HEIGHT_MAP}

    def create_subscription(self, kind, topic, handler, qos):
        self.handlers[topic] = handler

    def get_logger(self):
        return self.log

    def resolve_topic_name(self, topic):
        return f'/robot/{topic}'

    def count_publishers(self, topic):
        return topic in self.published


class Wire:
    """A subscriber and what it handed on."""

    def __init__(self, robot, **options):
        self.robot, self.node = robot, FakeNode()
        self.states, self.repeated = [], []
        self.changes = {}  # of messages, by the first word of their topic
        self.subscriber = StateSubscriber(
            self.node,
            robot,
            SENSORS,
            self.states.append,
            qos=RELIABLE,
            period_ns=PERIOD_NS,
            on_repeated=self.repeated.append,
            **options,
        )

    def deliver(self, topic, message):
        message = self.changes.get(topic.partition('/')[0], lambda same: same)(message)
        self.node.handlers[topic](message)

    def deliver_all(self, state):
        """Deliver a state as the robot publishes it."""
        grid = self.robot.height_map
        odometry = messages.odometry_to_msg(
            state.stamp_ns,
            np.zeros(3),
            state.orientation,
            state.linear_velocity,
            state.angular_velocity,
        )
        self.deliver(topics.HEIGHT_MAP, messages.height_map_to_msg(grid, state))
        self.deliver(topics.IMU, messages.imu_to_msg(state))
        self.deliver(topics.ODOM, odometry)
        self.deliver(topics.JOINT_STATES, messages.joint_state_to_msg(self.robot, state))


@pytest.fixture
def wire(robot):
    return Wire(robot)


def test_what_was_published_is_handed_on_as_one_state(wire, state):
    wire.deliver_all(state)
    (received,) = wire.states
    for field in ('stamp_ns', 'joint_pos', 'joint_vel', 'orientation', 'angular_velocity'):
        np.testing.assert_array_equal(getattr(received, field), getattr(state, field))
    np.testing.assert_array_equal(received.linear_velocity, state.linear_velocity)
    np.testing.assert_allclose(received.height_map, state.height_map, rtol=1e-6)


@pytest.mark.parametrize(('max_age_s', 'count'), [(0.0, 1), (0.05, 3), (0.07, 4)])
def test_a_height_map_serves_as_long_as_it_may(robot, state, max_age_s, count):
    wire = Wire(robot, height_map_max_age_s=max_age_s)
    old = messages.height_map_to_msg(robot.height_map, state)
    for step in range(10):
        wire.changes = {'height_map': lambda _: old}  # the map of the first state
        wire.deliver_all(replace(state, stamp_ns=state.stamp_ns + step * PERIOD_NS))
    assert len(wire.states) == count


def test_wrong_joint_names_are_named_counted_and_survived(wire, state):
    wrong = messages.joint_state_to_msg(wire.robot, state)
    wrong.name = ['hip', 'thigh', 'knee']
    wire.deliver(topics.JOINT_STATES, wrong)
    assert wire.subscriber.refused == 1
    (sentence,) = wire.node.log.errors
    assert "missing ['calf'], unknown ['knee']" in sentence
    wire.deliver_all(state)
    assert len(wire.states) == 1


def test_a_height_map_of_the_wrong_size_is_named_counted_and_survived(wire, state):
    image = messages.height_map_to_msg(wire.robot.height_map, state)
    image.width, image.height = 2, 3
    wire.deliver(topics.HEIGHT_MAP, image)
    assert wire.subscriber.refused == 1
    assert wire.node.log.errors == ['height_map is 2 x 3 32FC1; expected 3 x 2 32FC1']
    wire.deliver_all(state)
    assert len(wire.states) == 1


def test_a_topic_that_never_fits_is_named_once_and_does_not_hide_another(wire, state):
    wrong = messages.joint_state_to_msg(wire.robot, state)
    wrong.name = ['hip', 'thigh', 'knee']
    for _ in range(50):
        wire.deliver(topics.JOINT_STATES, wrong)
    image = messages.height_map_to_msg(wire.robot.height_map, state)
    image.encoding = 'mono8'
    wire.deliver(topics.HEIGHT_MAP, image)
    assert wire.subscriber.refused == 51
    names, map_ = wire.node.log.errors
    assert 'joint names do not match' in names
    assert map_ == 'height_map is 3 x 2 mono8; expected 3 x 2 32FC1'


def test_a_state_that_comes_again_is_reported_by_its_stamp_and_not_handed_on_again(wire, state):
    wire.deliver_all(state)
    assert wire.repeated == []
    wire.deliver_all(state)
    assert wire.repeated == [state.stamp_ns]
    assert len(wire.states) == 1


def test_the_last_finite_joint_positions_are_at_hand(wire, state):
    assert wire.subscriber.joint_pos is None
    wire.deliver_all(state)
    broken = replace(
        state, stamp_ns=state.stamp_ns + PERIOD_NS, joint_pos=np.array([0.0, np.nan, 0.0])
    )
    wire.deliver_all(broken)
    np.testing.assert_array_equal(wire.subscriber.joint_pos, state.joint_pos)
    assert len(wire.states) == 2  # what to do about it is decided where the state is used


def unstamped(message):
    message.header.stamp.sec = message.header.stamp.nanosec = 0
    return message


def deliver_steps(wire, state, steps=range(5), **changes):
    """Deliver states of which the messages of some topics are changed."""
    wire.changes = changes
    for step in steps:
        wire.deliver_all(replace(state, stamp_ns=state.stamp_ns + step * PERIOD_NS))


def test_nothing_is_said_while_states_come(wire, state):
    deliver_steps(wire, state)
    assert wire.subscriber.why_no_state() == ''


def test_a_topic_without_stamps_is_named_with_how_far_off_it_is(wire, state):
    deliver_steps(wire, state, imu=unstamped)
    said = wire.subscriber.why_no_state()
    assert said.startswith('no state: imu/data is stamped 1.7e+09 s before joint_states, at 0 s: ')
    assert wire.states == []


def test_a_topic_of_another_clock_is_named_with_how_far_off_it_is(wire, state):
    def late(message):
        message.header.stamp.sec += 7
        return message

    deliver_steps(wire, state, odom=late)
    said = wire.subscriber.why_no_state()
    assert said.startswith('no state: odom is stamped 7 s after joint_states, at most 0.01 s')


def test_joints_whose_stamp_stands_still_are_named_with_their_stamp(wire, state):
    deliver_steps(wire, replace(state, stamp_ns=0), steps=[0])
    assert wire.subscriber.why_no_state() == ''
    deliver_steps(wire, replace(state, stamp_ns=0), steps=[0, 0])
    assert 'the stamp of /robot/joint_states stays 0 s' in wire.subscriber.why_no_state()
    deliver_steps(wire, replace(state, stamp_ns=0), steps=[0, 0])
    assert wire.subscriber.why_no_state(in_lockstep=True) == ''  # it waits for its answer


def test_a_silent_topic_is_named_and_so_is_one_that_nobody_publishes(wire, state):
    wire.deliver(topics.JOINT_STATES, messages.joint_state_to_msg(wire.robot, state))
    wire.deliver(topics.IMU, messages.imu_to_msg(state))
    assert wire.subscriber.why_no_state() == 'no state: no message comes on /robot/odom'
    wire.node.published = set()
    assert wire.subscriber.why_no_state() == 'no state: no publisher of /robot/joint_states'


def test_in_lockstep_a_robot_that_waits_is_no_fault_but_one_that_has_not_begun_is(wire, state):
    assert wire.subscriber.why_no_state(in_lockstep=True) != ''
    wire.deliver_all(state)
    for _ in range(2):
        assert wire.subscriber.why_no_state(in_lockstep=True) == ''


def test_messages_that_never_fit_are_the_reason_and_not_their_silence(wire, state):
    def misnamed(message):
        message.name = ['hip', 'thigh', 'knee']
        return message

    deliver_steps(wire, state, joint_states=misnamed)
    said = wire.subscriber.why_no_state()
    assert said.startswith('no state: ')
    assert "unknown ['knee']" in said


def test_what_was_wrong_before_is_not_named_again(wire, state):
    deliver_steps(wire, state, range(9), imu=unstamped)
    assert 'imu/data' in wire.subscriber.why_no_state()
    deliver_steps(wire, state, range(9, 12))
    assert wire.subscriber.why_no_state() == ''
    deliver_steps(wire, state, range(12, 16), odom=unstamped)
    assert wire.subscriber.why_no_state().startswith('no state: odom is stamped ')
