"""Bags of every storage give the same episodes; what cannot serve is refused in a sentence."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rosbags.rosbag2 import CompressionMode, StoragePlugin

from simdist_ros.core.errors import BagError
from simdist_ros.embodiment.robot import load_robot
from simdist_ros.transitions.assembly import AssemblySettings
from simdist_ros.transitions.bags.read_episodes import BagEpisodes, read_bag_episodes, read_bags
from simdist_ros.transitions.bags.recorded_topic import Topic, typestore
from simdist_ros.transitions.bags.writer import BagWriter

from .walk_messages import TYPES, walk, write_bag

ROBOT = load_robot('go2')


@pytest.fixture(scope='module')
def entries():
    return walk(ROBOT, 120)


@pytest.fixture(scope='module')
def expected(entries, tmp_path_factory):
    (episode,) = read(write_bag(tmp_path_factory.mktemp('bags') / 'plain', entries)).episodes
    return episode


def read(path):
    return read_bag_episodes(path, ROBOT)


@pytest.mark.parametrize('storage', StoragePlugin)
@pytest.mark.parametrize('compression', [None, CompressionMode.FILE, CompressionMode.MESSAGE])
@pytest.mark.parametrize('namespace', ['/', '/dogs/rex/'])
def test_storage_compression_and_namespace_do_not_matter(
    tmp_path, entries, expected, storage, compression, namespace
):
    path = write_bag(
        tmp_path / 'bag', entries, storage=storage, compression=compression, namespace=namespace
    )
    (episode,) = read(path).episodes
    np.testing.assert_array_equal(episode.proprio_obs, expected.proprio_obs)
    np.testing.assert_array_equal(episode.actions, expected.actions)


def test_several_bags_are_read_each_on_its_own(tmp_path, entries):
    first = write_bag(tmp_path / 'a', entries[: len(entries) // 2])
    second = write_bag(tmp_path / 'b', entries[len(entries) // 2 :])
    found = read_bags([first, second], ROBOT)
    assert [len(one.episodes) for one in found] == [1, 1]
    assert sum(one.num_transitions for one in found) in (118, 119)


def test_a_truncated_recording_gives_what_there_is(tmp_path, entries):
    topics = [Topic(name=f'/{name}', type=kind) for name, kind in TYPES.items()]
    with BagWriter(tmp_path / 'bag', topics, {'robot': 'go2'}) as writer:
        for number, entry in enumerate(entries):
            kind = TYPES[entry.topic]
            data = bytes(typestore().serialize_cdr(entry.message, kind))
            assert writer.put(f'/{entry.topic}', 1000 + number, data)
    (file,) = (tmp_path / 'bag').glob('*.mcap')
    data = file.read_bytes()
    file.write_bytes(data[: len(data) // 2])
    found = read(tmp_path / 'bag')
    assert 'recording cut off' in found.losses
    assert found.line().endswith(found.losses)
    assert 50 < found.num_transitions < 120


def test_the_line_says_what_was_kept_and_what_was_not(tmp_path, entries):
    dropped = [e for e in entries if not (e.topic == 'joint_command' and e.step == 60)]
    line = read(write_bag(tmp_path / 'bag', dropped)).line()
    assert line.endswith(
        'bag: 119 transitions in 2 episodes, 0 falls; discarded: 1 missing command'
    )


def refusal(path):
    with pytest.raises(BagError) as caught:
        read(path)
    assert '\n' not in str(caught.value)
    return str(caught.value)


def test_a_bag_of_another_robot_is_refused(tmp_path, entries):
    path = write_bag(tmp_path / 'bag', entries[:20], robot='a1')
    assert "is of robot 'a1', expected 'go2'" in refusal(path)
    assert '--robot PATH' in refusal(path)


def test_a_bag_of_another_robot_that_does_not_say_so_is_refused_by_its_joints(tmp_path, entries):
    other = [
        replace(e, message=replace(e.message, name=[f'arm_{n}' for n in e.message.name]))
        if e.topic == 'joint_states'
        else e
        for e in entries[:70]
    ]
    path = write_bag(tmp_path / 'bag', other, robot='')
    assert 'does not fit robot' in refusal(path)
    assert 'joint names do not match' in refusal(path)


@pytest.mark.parametrize('topic', ['imu/data', 'joint_command', 'cmd_vel', 'height_map'])
def test_a_bag_without_a_topic_is_refused_by_its_name(tmp_path, entries, topic):
    path = write_bag(tmp_path / 'bag', [e for e in entries[:70] if e.topic != topic])
    assert f'holds nothing on /{topic}; record joint_states, ' in refusal(path)


def changed(entries, topic, change):
    """Change the messages of one topic."""
    return [replace(e, message=change(e.message)) if e.topic == topic else e for e in entries]


def restamped(offset_ns):
    def change(message):
        stamp = message.header.stamp
        total = stamp.sec * 10**9 + stamp.nanosec + offset_ns
        moved = replace(stamp, sec=total // 10**9, nanosec=total % 10**9)
        return replace(message, header=replace(message.header, stamp=moved))

    return change


def test_a_velocity_without_a_stamp_is_understood(tmp_path, entries, expected):
    twists = changed(entries, 'cmd_vel', lambda message: message.twist)
    path = write_bag(tmp_path / 'bag', twists, others={'cmd_vel': 'geometry_msgs/msg/Twist'})
    (episode,) = read(path).episodes
    np.testing.assert_array_equal(episode.actions, expected.actions)
    np.testing.assert_array_equal(episode.commands[5:], expected.commands[5:])


def test_another_type_on_a_needed_topic_is_named_with_the_type_that_is_expected(tmp_path, entries):
    vectors = changed(entries[:70], 'imu/data', lambda message: message.angular_velocity)
    kind = 'geometry_msgs/msg/Vector3'
    said = refusal(write_bag(tmp_path / 'bag', vectors, others={'imu/data': kind}))
    assert f'topic /imu/data is of type {kind}, expected sensor_msgs/msg/Imu' in said


@pytest.mark.parametrize('topic', ['imu/data', 'odom', 'height_map'])
@pytest.mark.parametrize('offset_s', [-100.0, 3600.0, -0.25])
def test_a_topic_of_another_clock_is_named_with_how_far_off_it_is(
    tmp_path, entries, topic, offset_s
):
    shifted = changed(entries, topic, restamped(round(offset_s * 10**9)))
    said = refusal(write_bag(tmp_path / 'bag', shifted))
    assert f'{topic} is stamped ' in said
    amount, _, side = said.partition(f'{topic} is stamped ')[2].partition(' s ')
    assert float(amount) == pytest.approx(abs(offset_s), abs=0.03)
    assert side.startswith('before joint_states' if offset_s < 0.0 else 'after joint_states')


def test_unstamped_messages_are_named(tmp_path, entries):
    def unstamped(message):
        zero = replace(message.header.stamp, sec=0, nanosec=0)
        return replace(message, header=replace(message.header, stamp=zero))

    later = [replace(e, message=restamped(10**12)(e.message)) for e in entries]
    zero = changed(later, 'imu/data', unstamped)
    assert 'imu/data is stamped 1.05e+03 s before joint_states' in refusal(
        write_bag(tmp_path / 'bag', zero)
    )


def other_joints(entries, name):
    """Joint states of something else, beside those of the robot."""
    return [replace(e, topic=name) for e in entries if e.topic == 'joint_states']


def test_joint_states_of_something_else_do_not_matter(tmp_path, entries, expected):
    name = '/gripper/joint_states'
    others = {name: 'sensor_msgs/msg/JointState'}
    path = write_bag(tmp_path / 'bag', entries + other_joints(entries, name), others=others)
    (episode,) = read(path).episodes
    np.testing.assert_array_equal(episode.actions, expected.actions)


def test_of_two_robots_in_a_bag_one_has_to_be_chosen(tmp_path, entries):
    second = [replace(e, topic=f'/b/{e.topic}') for e in entries[: len(entries) // 2]]
    others = {f'/b/{topic}': kind for topic, kind in TYPES.items()}
    path = write_bag(tmp_path / 'bag', entries + second, namespace='/a/', others=others)
    said = refusal(path)
    assert 'several robots, in /a/, /b/; choose one with --set bags.namespace=NAME' in said
    for namespace, is_whole in (('/a', True), ('b', False)):
        settings = AssemblySettings(namespace=namespace)
        (episode,) = read_bag_episodes(path, ROBOT, settings).episodes
        assert (episode.num_steps == 120) == is_whole
    with pytest.raises(BagError, match='holds nothing on /c/joint_states'):
        read_bag_episodes(path, ROBOT, AssemblySettings(namespace='c'))


@pytest.mark.parametrize(
    ('field', 'index', 'value', 'what'),
    [
        ('velocity', 3, 1e4, 'joint_states: velocity of '),
        ('velocity', 3, np.nan, 'joint_states: velocity of '),
        ('position', 0, 57.0, 'joint_states: position of '),
    ],
)
def test_readings_that_physics_excludes_are_counted_by_joint_and_not_learned_from(
    tmp_path, entries, field, index, value, what
):
    def spoil(message):
        values = getattr(message, field).copy()
        values[index] = value
        return replace(message, **{field: values})

    spoiled = [
        replace(e, message=spoil(e.message)) if (e.topic, e.step) == ('joint_states', 60) else e
        for e in entries
    ]
    joint = next(e for e in entries if e.topic == 'joint_states').message.name[index]
    found = read(write_bag(tmp_path / 'bag', spoiled))
    assert found.num_transitions == 118
    assert found.discarded == {f'impossible {what}{joint}': 2}  # to it and from it
    for episode in found.episodes:
        assert np.abs(episode.proprio_obs).max() < 100.0


def test_what_is_discarded_is_listed_by_reason_with_counts():
    many = Counter({'stale state': 3, 'clock jump': 12})
    bag = BagEpisodes(bag=Path('walk'), episodes=(), discarded=many, losses='cut off', notes={})
    assert bag.lines() == [
        'walk: 0 transitions in 0 episodes, 0 falls; discarded:',
        '  12  clock jump',
        '   3  stale state',
        '  cut off',
    ]
    assert replace(bag, discarded=Counter()).lines() == [replace(bag, discarded=Counter()).line()]


def test_an_empty_bag_is_refused(tmp_path):
    assert 'holds no messages' in refusal(write_bag(tmp_path / 'bag', []))


def test_a_bag_named_twice_is_refused(tmp_path, entries):
    path = write_bag(tmp_path / 'bag', entries[:70])
    with pytest.raises(BagError, match='is named twice'):
        read_bags([path, path], ROBOT)
