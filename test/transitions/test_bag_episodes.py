"""Bags of every storage give the same episodes; what cannot serve is refused in a sentence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from rosbags.rosbag2 import CompressionMode, StoragePlugin

from simdist_ros.core.errors import BagError
from simdist_ros.core.robot import load_robot
from simdist_ros.transitions.bag_episodes import read_bag_episodes, read_bags
from simdist_ros.transitions.bag_writer import BagWriter
from simdist_ros.transitions.topic import Topic, typestore

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
    assert found.is_cut_off
    assert 'recording cut off' in found.line()
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


def test_an_empty_bag_is_refused(tmp_path):
    assert 'holds no messages' in refusal(write_bag(tmp_path / 'bag', []))


def test_a_bag_named_twice_is_refused(tmp_path, entries):
    path = write_bag(tmp_path / 'bag', entries[:70])
    with pytest.raises(BagError, match='is named twice'):
        read_bags([path, path], ROBOT)
