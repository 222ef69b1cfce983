from __future__ import annotations

import shutil

import numpy as np
import pytest
from mcap.reader import make_reader
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

from simdist_ros.core.errors import BagError
from simdist_ros.transitions.bag_content import TopicInfo
from simdist_ros.transitions.bag_reader import bag_info, read_bag
from simdist_ros.transitions.bag_writer import BagWriter
from simdist_ros.transitions.topic import typestore

START_NS = 1_700_000_000_000_000_000
PERIOD_NS = 20_000_000
COUNT = 2000


@pytest.fixture
def bag(tmp_path, topics, info, joint_state, image):
    with BagWriter(tmp_path / 'walk', topics, info) as writer:
        for k in range(COUNT):
            writer.put('/joint_states', START_NS + k * PERIOD_NS, joint_state(k))
            writer.put('/height_map', START_NS + k * PERIOD_NS + 1, image(k))
    return tmp_path / 'walk'


def written_by_rosbags(path, joint_state, storage, mode):
    writer = Writer(path, version=9, storage_plugin=storage)
    if mode is not None:
        writer.set_compression(mode, CompressionFormat.ZSTD)
    writer.set_custom_data('robot', 'go2')
    with writer:
        connection = writer.add_connection(
            '/joint_states', 'sensor_msgs/msg/JointState', typestore=typestore()
        )
        for k in range(COUNT):
            writer.write(connection, START_NS + k * PERIOD_NS, joint_state(k))
    return path


def assert_cut_off_but_readable(path):
    info = bag_info(path)
    assert info.is_cut_off
    assert info.custom_data['robot'] == 'go2'
    assert 0 < info.topics['/joint_states'].count < COUNT
    numbers = [m.message.position[0] for m in read_bag(path, ['/joint_states'])]
    assert numbers == list(range(info.topics['/joint_states'].count))


def test_info_counts_topics_and_knows_start_duration_and_custom_data(bag, info):
    found = bag_info(bag)
    assert found.topics == {
        '/height_map': TopicInfo('sensor_msgs/msg/Image', COUNT),
        '/joint_states': TopicInfo('sensor_msgs/msg/JointState', COUNT),
        '/mode': TopicInfo('std_msgs/msg/String', 0),
    }
    assert found.message_count == 2 * COUNT
    assert found.start_ns == START_NS
    assert found.duration_s == pytest.approx((COUNT - 1) * 0.02 + 1e-9, abs=1e-12)
    assert found.custom_data == info
    assert not found.is_cut_off


@pytest.mark.parametrize('part', ['', 'walk_0.mcap'])
def test_messages_come_back_as_they_were_in_the_order_of_their_stamps(bag, part):
    messages = list(read_bag(bag / part))
    assert [m.topic for m in messages[:3]] == ['/joint_states', '/height_map', '/joint_states']
    topic, kind, stamp_ns, message = messages[2 * 7]
    assert (topic, kind) == ('/joint_states', 'sensor_msgs/msg/JointState')
    assert stamp_ns == START_NS + 7 * PERIOD_NS
    assert (message.header.stamp.sec, message.header.frame_id) == (7, 'base')
    np.testing.assert_array_equal(message.position, [7.0, 0.5, -0.5])
    cells = np.frombuffer(messages[2 * 7 + 1].message.data.tobytes(), dtype=np.float32)
    np.testing.assert_array_equal(cells, np.full(15, 7.0))


def test_a_single_file_knows_its_custom_data(bag, info):
    assert bag_info(bag / 'walk_0.mcap').custom_data == info


def test_only_the_topics_asked_for_are_read(bag):
    assert {m.topic for m in read_bag(bag, ['/height_map'])} == {'/height_map'}


@pytest.mark.parametrize(
    ('storage', 'mode'),
    [
        (StoragePlugin.MCAP, None),
        (StoragePlugin.MCAP, CompressionMode.FILE),
        (StoragePlugin.MCAP, CompressionMode.MESSAGE),
        (StoragePlugin.MCAP, CompressionMode.STORAGE),
        (StoragePlugin.SQLITE3, None),
        (StoragePlugin.SQLITE3, CompressionMode.FILE),
        (StoragePlugin.SQLITE3, CompressionMode.MESSAGE),
    ],
)
def test_bags_of_other_writers_storages_and_compressions_are_read(
    tmp_path, joint_state, storage, mode
):
    path = written_by_rosbags(tmp_path / 'other', joint_state, storage, mode)
    assert bag_info(path).custom_data == {'robot': 'go2'}
    assert [m.message.position[0] for m in read_bag(path)] == list(range(COUNT))


@pytest.mark.parametrize('share', [0.3, 0.5, 0.8])
def test_a_file_that_was_cut_off_is_read_up_to_the_break(bag, share):
    file = bag / 'walk_0.mcap'
    data = file.read_bytes()
    file.write_bytes(data[: int(share * len(data))])
    assert_cut_off_but_readable(bag)
    assert_cut_off_but_readable(file)


def test_a_later_cut_never_reads_less_and_none_fails_unexpectedly(bag):
    file = bag / 'walk_0.mcap'
    data = file.read_bytes()
    counts = []
    for end in range(0, len(data), max(1, len(data) // 40)):
        file.write_bytes(data[:end])
        try:
            counts.append(sum(1 for _ in read_bag(file)))
        except BagError:
            counts.append(0)
    assert counts == sorted(counts)
    assert counts[-1] > COUNT


def test_garbage_within_a_file_that_was_cut_off_ends_it(bag):
    file = bag / 'walk_0.mcap'
    with file.open('rb') as stream:
        chunk = make_reader(stream).get_summary().chunk_indexes[3]
    data = bytearray(file.read_bytes())
    place = chunk.chunk_start_offset + chunk.chunk_length // 2
    data[place : place + 64] = bytes(64)
    file.write_bytes(data[:-8])
    assert_cut_off_but_readable(file)


def test_a_folder_without_metadata_is_read_by_its_files(bag):
    (bag / 'metadata.yaml').unlink()
    info = bag_info(bag)
    assert info.message_count == 2 * COUNT
    assert not info.is_cut_off
    assert sum(1 for _ in read_bag(bag)) == 2 * COUNT


def test_a_split_bag_whose_last_file_was_cut_off_is_read_in_order(bag, tmp_path, joint_state):
    second = written_by_rosbags(tmp_path / 'second', joint_state, StoragePlugin.MCAP, None)
    data = (second / 'second.mcap').read_bytes()
    (bag / 'walk_1.mcap').write_bytes(data[: len(data) * 9 // 10])
    info = bag_info(bag)
    assert info.is_cut_off
    stamps = [m.message.position[0] for m in read_bag(bag, ['/joint_states'])]
    assert stamps[:COUNT] == list(range(COUNT))
    assert len(stamps) == info.topics['/joint_states'].count


def test_a_missing_bag_is_one_sentence(tmp_path):
    with pytest.raises(BagError, match=r"^bag '.*nowhere' does not exist$"):
        bag_info(tmp_path / 'nowhere')


def test_a_folder_that_is_no_bag_is_one_sentence(tmp_path):
    with pytest.raises(BagError, match=r'is no bag: there is neither metadata.yaml nor'):
        read_bag(tmp_path)


@pytest.mark.parametrize(
    ('name', 'content', 'words'),
    [
        ('notes.txt', b'hello', 'is no bag: expected a rosbag2 folder or a file ending in'),
        ('walk.mcap', b'', 'is empty'),
        ('walk.mcap', b'not an mcap file at all, whatever its name', 'is no MCAP file'),
        ('walk.db3', b'not a database at all, whatever its name' * 100, 'cannot be read'),
    ],
)
def test_a_file_that_is_no_bag_is_one_sentence(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BagError, match=words) as caught:
        read_bag(tmp_path / name)
    assert '\n' not in str(caught.value)


def test_damaged_metadata_is_one_sentence(bag):
    (bag / 'metadata.yaml').write_text('rosbag2_bagfile_information: {version: 9}')
    with pytest.raises(BagError, match='cannot be read') as caught:
        bag_info(bag)
    assert '\n' not in str(caught.value)


def test_a_bag_without_messages_is_refused_by_name(tmp_path, topics, info):
    BagWriter(tmp_path / 'empty', topics, info).close()
    assert bag_info(tmp_path / 'empty').message_count == 0
    assert bag_info(tmp_path / 'empty').duration_s == 0.0
    with pytest.raises(BagError, match='holds no messages'):
        read_bag(tmp_path / 'empty')


def test_a_topic_that_the_bag_lacks_is_named_with_a_suggestion(bag):
    with pytest.raises(BagError, match=r"unknown topic '/joint_state'; did you mean"):
        read_bag(bag, ['/joint_state'])


@pytest.mark.parametrize('is_cut', [False, True])
def test_a_message_that_is_not_of_its_type_is_named(tmp_path, topics, info, is_cut):
    with BagWriter(tmp_path / 'walk', topics, info) as writer:
        writer.put('/joint_states', START_NS, b'\x00\x01\x00\x00\x01')
    if is_cut:
        file = tmp_path / 'walk' / 'walk_0.mcap'
        file.write_bytes(file.read_bytes()[:-8])
    with pytest.raises(BagError, match=f'on /joint_states at {START_NS} ns is no sensor_msgs'):
        list(read_bag(tmp_path / 'walk'))


def test_a_bag_can_be_read_while_it_is_written(tmp_path, topics, info, joint_state):
    with BagWriter(tmp_path / 'walk', topics, info) as writer:
        for k in range(COUNT):
            writer.put('/joint_states', START_NS + k * PERIOD_NS, joint_state(k))
        while not writer.written:
            pass
        shutil.copytree(
            tmp_path / 'walk', tmp_path / 'copy', ignore=shutil.ignore_patterns('*.partial')
        )
        assert sum(1 for _ in read_bag(tmp_path / 'copy')) > 0
