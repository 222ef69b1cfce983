"""Nodes in one process stand for those of several; none ever spins."""

import time
from xml.etree import ElementTree

import pytest
from rclpy.node import Node
from std_msgs.msg import String

from simdist_ros.core.errors import ConfigError
from simdist_ros.core.share import share_folder
from simdist_ros.nodes import other_publishers
from simdist_ros.nodes.other_publishers import OtherPublishers, refuse_other_publishers

TOPICS = ('first', 'second')


@pytest.fixture
def node(ros_context):
    """Make nodes by name, each with publishers of some topics."""
    nodes = []

    def make(name, *topics, namespace=''):
        made = Node(name, context=ros_context, namespace=namespace, enable_rosout=False)
        nodes.append(made)
        for topic in topics:
            made.create_publisher(String, topic, 10)
        return made

    yield make
    for made in nodes:
        made.destroy_node()


def wait_for(watch, expected):
    """Look until what is found is as expected; discovery takes its time."""
    end = time.monotonic() + 60.0
    while (found := watch.find()) != expected:
        assert time.monotonic() < end, found
        time.sleep(0.02)


@pytest.mark.parametrize('topic', TOPICS)
def test_a_node_refuses_to_start_where_a_topic_of_its_own_is_published(node, topic):
    node('stranger', topic)
    with pytest.raises(ConfigError, match=f'/{topic} is published by /stranger already, so that'):
        refuse_other_publishers(node('ours'), TOPICS, time.monotonic())


def test_it_waits_for_those_whom_it_has_not_heard_of_yet(node, monkeypatch):
    late = []

    def sleep(seconds):
        if not late:
            late.append(node('late', 'second'))

    monkeypatch.setattr(other_publishers.time, 'sleep', sleep)
    with pytest.raises(ConfigError, match='/second is published by /late already'):
        refuse_other_publishers(node('ours'), TOPICS, time.monotonic())


def test_another_namespace_is_no_hindrance(node):
    node('stranger', *TOPICS)
    refuse_other_publishers(node('ours', namespace='robot2'), TOPICS, time.monotonic() - 2.0)


def test_alone_nobody_is_found_and_all_others_are_named_not_the_owner(node):
    ours = node('ours', *TOPICS)
    watch = OtherPublishers(ours, TOPICS)
    wait_for(watch, {})
    assert watch.owner == dict.fromkeys(TOPICS, '/ours')
    stranger = node('aa_stranger', 'first')
    wait_for(watch, {'first': '/aa_stranger'})
    node('zz_stranger', 'first', namespace='ns').create_publisher(String, '/first', 10)
    wait_for(watch, {'first': '/aa_stranger, /ns/zz_stranger'})
    sentence = watch.sentence(watch.find())
    assert 'this robot has other publishers: /first by /aa_stranger' in sentence
    stranger.destroy_node()
    wait_for(watch, {'first': '/ns/zz_stranger'})


def test_a_successor_of_the_same_name_counts_only_when_both_stay(node, monkeypatch):
    now = 100.0
    monkeypatch.setattr(other_publishers.time, 'monotonic', lambda: now)
    ours = node('ours', 'first')
    watch = OtherPublishers(node('watcher'), ('first',))
    assert watch.find() == {}
    second = ours.create_publisher(String, 'first', 10)
    assert watch.find() == {}
    now += other_publishers.LEASE_S - 0.1
    assert watch.find() == {}
    now += 0.2
    assert watch.find() == {'first': '/ours'}
    ours.destroy_publisher(second)
    assert watch.find() == {}
    ours.create_publisher(String, 'first', 10)  # a later one has its own time
    assert watch.find() == {}


def test_the_lease_outlasts_a_busy_machine_and_a_successor_is_given_all_of_it():
    """Nodes that forget each other one-sidedly never meet again: no short lease."""
    profile = ElementTree.parse(share_folder() / 'config' / 'fastdds.xml')
    (lease,) = profile.findall('.//{*}leaseDuration/{*}sec')
    assert 30.0 <= float(lease.text) < other_publishers.LEASE_S
