from __future__ import annotations

import shutil
import sqlite3

import numpy as np
import pytest
import yaml
from mcap.reader import make_reader
from mcap.writer import CompressionType, IndexType, Writer
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin
from rosbags.rosbag2 import Writer as BagFolderWriter

from simdist_ros.core.errors import BagError
from simdist_ros.transitions.bags.content import TopicInfo
from simdist_ros.transitions.bags.reader import bag_info, read_bag
from simdist_ros.transitions.bags.recorded_topic import typestore
from simdist_ros.transitions.bags.writer import BagWriter

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
    writer = BagFolderWriter(path, version=9, storage_plugin=storage)
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


def test_what_a_folder_says_of_its_robot_counts_where_its_files_say_nothing(tmp_path, joint_state):
    (tmp_path / 'old').mkdir()
    sqlite_parts(tmp_path / 'old' / 'old_0.db3', joint_state, 'DELETE').close()
    about = {'relative_file_paths': ['old_0.db3'], 'custom_data': {'robot': 'a1'}}
    text = yaml.safe_dump({'rosbag2_bagfile_information': about})
    (tmp_path / 'old' / 'metadata.yaml').write_text(text)
    assert bag_info(tmp_path / 'old').custom_data == {'robot': 'a1'}


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
    info = bag_info(path)
    assert info.custom_data == {'robot': 'go2'}
    assert info.start_ns == START_NS
    assert info.duration_s == pytest.approx((COUNT - 1) * 0.02, abs=1e-12)
    assert [m.message.position[0] for m in read_bag(path)] == list(range(COUNT))
    assert list(read_bag(path, [])) == []


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


def damage_chunk(file, number, offset=0.5):
    """Invert 64 bytes of one chunk, at a share of its length."""
    with file.open('rb') as stream:
        chunk = make_reader(stream).get_summary().chunk_indexes[number]
    data = bytearray(file.read_bytes())
    place = chunk.chunk_start_offset + int(chunk.chunk_length * offset)
    data[place : place + 64] = bytes(byte ^ 0xFF for byte in data[place : place + 64])
    file.write_bytes(data)


@pytest.mark.parametrize('offset', [0.0, 0.5])
@pytest.mark.parametrize('part', ['', 'walk_0.mcap'])
def test_a_damaged_chunk_is_left_out_counted_and_the_rest_is_read(bag, part, offset):
    damage_chunk(bag / 'walk_0.mcap', 3, offset)
    info = bag_info(bag / part)
    assert info.num_damaged == 1
    assert 0 < info.num_missing < COUNT / 2
    assert info.message_count == 2 * COUNT - info.num_missing
    assert f'{info.num_missing} of the messages that it promises not found' in info.losses
    numbers = [int(m.message.position[0]) for m in read_bag(bag / part, ['/joint_states'])]
    assert len(numbers) == info.topics['/joint_states'].count
    assert numbers[0] == 0
    assert numbers[-1] == COUNT - 1


def test_a_damaged_chunk_in_a_file_that_was_cut_off_is_left_out(bag):
    file = bag / 'walk_0.mcap'
    damage_chunk(file, 3)
    file.write_bytes(file.read_bytes()[:-8])
    info = bag_info(file)
    assert info.is_cut_off
    assert info.num_damaged == 1
    numbers = [int(m.message.position[0]) for m in read_bag(file, ['/joint_states'])]
    assert numbers[-1] == COUNT - 1
    assert len(numbers) == info.topics['/joint_states'].count < COUNT


def rewritten(bag, path, *, foreign=False, backwards=False, **options):
    """Write the messages of a bag into an MCAP file of another writer."""
    with (bag / 'walk_0.mcap').open('rb') as old, path.open('wb') as stream:
        writer = Writer(stream, **options)
        writer.start(profile='ros2', library='other')
        channels = {}
        if foreign:
            unknown = writer.register_schema('vendor_msgs/msg/Foot', 'unknown', b'')
            foot = writer.register_channel('/foot', 'cdr', unknown)
            writer.add_message(foot, START_NS, b'\x00\x01\x00\x00', START_NS)
            bare = writer.register_channel('/blob', 'json', 0)
            writer.add_message(bare, START_NS, b'{}', START_NS)
        entries = list(make_reader(old).iter_messages())
        for schema, channel, message in reversed(entries) if backwards else entries:
            if channel.topic not in channels:
                number = writer.register_schema(schema.name, schema.encoding, schema.data)
                channels[channel.topic] = writer.register_channel(channel.topic, 'cdr', number)
            stamp = message.log_time
            writer.add_message(channels[channel.topic], stamp, message.data, stamp)
        writer.finish()
    return path


def test_a_single_wrong_bit_is_noticed_by_the_checksum_of_its_chunk(bag, tmp_path):
    path = rewritten(bag, tmp_path / 'one.mcap', compression=CompressionType.NONE, chunk_size=4096)
    with path.open('rb') as stream:
        (first, *_) = make_reader(stream).iter_messages('/joint_states')
    data = bytearray(path.read_bytes())
    data[data.index(first[2].data) + len(first[2].data) - 1] ^= 1
    path.write_bytes(data)
    info = bag_info(path)
    assert info.num_damaged == 1
    assert 0 < info.num_missing < COUNT
    assert 0.0 not in [m.message.position[0] for m in read_bag(path, ['/joint_states'])]
    path.write_bytes(data[:-8])  # without the summary nothing tells of the channels any more
    assert bag_info(path).num_damaged >= 1


@pytest.mark.parametrize(
    'options',
    [
        {'index_types': IndexType.NONE},
        {'index_types': IndexType.CHUNK},
        {'use_chunking': False},
        {'use_statistics': False, 'repeat_channels': False, 'repeat_schemas': False},
        {'foreign': True},
        {'backwards': True},
    ],
)
def test_files_of_other_writers_are_read_whole_and_in_order(bag, tmp_path, options):
    file = rewritten(bag, tmp_path / 'other.mcap', **options)
    numbers = [int(m.message.position[0]) for m in read_bag(file, ['/joint_states'])]
    assert numbers == list(range(COUNT))
    info = bag_info(file)
    assert (info.num_missing, info.num_damaged, info.is_cut_off) == (0, 0, False)
    assert info.topics['/joint_states'] == TopicInfo('sensor_msgs/msg/JointState', COUNT)


def test_a_topic_of_an_unknown_type_is_refused_only_where_it_is_asked_for(bag, tmp_path):
    file = rewritten(bag, tmp_path / 'other.mcap', foreign=True)
    with pytest.raises(BagError, match=r'on /foot at \d+ ns is no vendor_msgs/msg/Foot'):
        list(read_bag(file, ['/foot']))
    with pytest.raises(BagError, match=r'on /blob at .* is no CDR message of a known type'):
        list(read_bag(file, ['/blob']))


def test_more_messages_promised_than_found_are_counted(bag):
    text = (bag / 'metadata.yaml').read_text()
    more = text.replace(f'message_count: {COUNT}\n', f'message_count: {COUNT + 7}\n')
    (bag / 'metadata.yaml').write_text(more)
    assert bag_info(bag).num_missing == 14  # of both topics
    assert '14 of the messages that it promises not found' in bag_info(bag).losses


@pytest.mark.parametrize('name', ['a#b', 'a?b', '100%', 'a b', 'Gänge'])
@pytest.mark.parametrize('suffix', ['.mcap', '.db3'])
def test_any_name_of_a_file_will_do(tmp_path, joint_state, name, suffix):
    storage = StoragePlugin.MCAP if suffix == '.mcap' else StoragePlugin.SQLITE3
    bag = written_by_rosbags(tmp_path / 'bag', joint_state, storage, None)
    (tmp_path / name).mkdir()
    file = shutil.move(next(bag.glob(f'*{suffix}')), tmp_path / name / f'{name}{suffix}')
    assert sum(1 for _ in read_bag(file)) == COUNT
    assert sum(1 for _ in read_bag(tmp_path / name)) == COUNT


def sqlite_parts(path, joint_state, journal):
    """Write a SQLite file as an old recorder does; return the open connection."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(f'PRAGMA journal_mode={journal}')
    connection.execute('PRAGMA wal_autocheckpoint=0')
    connection.execute(
        'CREATE TABLE topics(id INTEGER PRIMARY KEY, name TEXT, type TEXT, '
        'serialization_format TEXT, offered_qos_profiles TEXT)'
    )
    connection.execute(
        'CREATE TABLE messages(id INTEGER PRIMARY KEY, topic_id INTEGER, timestamp INTEGER, '
        'data BLOB)'
    )
    connection.execute(
        "INSERT INTO topics VALUES (1, '/joint_states', 'sensor_msgs/msg/JointState', 'cdr', '')"
    )
    for k in range(100):
        connection.execute(
            'INSERT INTO messages(topic_id, timestamp, data) VALUES (1, ?, ?)',
            (START_NS + k * PERIOD_NS, joint_state(k)),
        )
    return connection


def test_a_folder_that_holds_only_databases_is_read_in_their_order(tmp_path, joint_state):
    (tmp_path / 'old').mkdir()
    for part in range(2):
        sqlite_parts(tmp_path / 'old' / f'old_{part}.db3', joint_state, 'DELETE').close()
    assert [m.message.position[0] for m in read_bag(tmp_path / 'old')] == 2 * list(range(100))
    assert bag_info(tmp_path / 'old').message_count == 200


def test_files_without_metadata_are_read_by_their_numbers_not_their_letters(tmp_path, joint_state):
    (tmp_path / 'old').mkdir()
    for part in (2, 10):
        connection = sqlite_parts(tmp_path / 'old' / f'old_{part}.db3', joint_state, 'DELETE')
        connection.execute(f'UPDATE messages SET timestamp = timestamp + {part} * 1000000000')
        connection.close()
    stamps = [message.stamp_ns for message in read_bag(tmp_path / 'old')]
    assert stamps == sorted(stamps)


def test_messages_that_are_not_serialized_as_ros_does_it_are_not_read_as_if(tmp_path, joint_state):
    connection = sqlite_parts(tmp_path / 'walk.db3', joint_state, 'DELETE')
    connection.execute("UPDATE topics SET serialization_format = 'cbor'")
    connection.close()
    assert bag_info(tmp_path / 'walk.db3').message_count == 100
    with pytest.raises(BagError, match='is no CDR message of a known type'):
        list(read_bag(tmp_path / 'walk.db3'))


def test_messages_of_one_stamp_in_a_database_keep_the_order_in_which_they_came(
    tmp_path, joint_state
):
    connection = sqlite_parts(tmp_path / 'walk.db3', joint_state, 'DELETE')
    connection.execute(f'UPDATE messages SET timestamp = timestamp - timestamp % {5 * PERIOD_NS}')
    connection.close()
    found = [m.message.position[0] for m in read_bag(tmp_path / 'walk.db3')]
    assert found == list(range(100))


def test_a_database_whose_recorder_was_killed_is_read_with_its_log(tmp_path, joint_state):
    (tmp_path / 'live').mkdir()
    connection = sqlite_parts(tmp_path / 'live' / 'walk.db3', joint_state, 'WAL')
    shutil.copytree(tmp_path / 'live', tmp_path / 'killed')  # its log was never taken in
    connection.close()
    before = sorted(file.read_bytes() for file in (tmp_path / 'killed').iterdir())
    info = bag_info(tmp_path / 'killed')
    assert info.is_cut_off
    assert info.message_count == 100
    assert sum(1 for _ in read_bag(tmp_path / 'killed')) == 100
    assert sorted(file.read_bytes() for file in (tmp_path / 'killed').iterdir()) == before


def test_what_a_killed_recorder_had_not_committed_is_taken_back(tmp_path, joint_state):
    (tmp_path / 'live').mkdir()
    connection = sqlite_parts(tmp_path / 'live' / 'walk.db3', joint_state, 'DELETE')
    connection.execute('PRAGMA cache_size=1')  # so that pages are written before the end
    connection.execute('BEGIN')
    for k in range(100, 400):
        connection.execute(
            'INSERT INTO messages(topic_id, timestamp, data) VALUES (1, ?, ?)',
            (START_NS + k * PERIOD_NS, joint_state(k)),
        )
    shutil.copytree(tmp_path / 'live', tmp_path / 'killed')
    connection.close()
    assert (tmp_path / 'killed' / 'walk.db3-journal').exists()
    info = bag_info(tmp_path / 'killed')
    assert (info.is_cut_off, info.message_count) == (True, 100)
    found = [m.message.position[0] for m in read_bag(tmp_path / 'killed')]
    assert found == list(range(100))


@pytest.mark.parametrize('has_index', [True, False])
def test_a_damaged_page_of_a_database_ends_it_and_what_comes_before_is_read(
    tmp_path, joint_state, has_index
):
    file = tmp_path / 'walk.db3'
    connection = sqlite_parts(file, joint_state, 'DELETE')
    if has_index:
        connection.execute('CREATE INDEX timestamp_idx ON messages (timestamp ASC)')
    (size,) = connection.execute('PRAGMA page_size').fetchone()
    connection.close()
    data = bytearray(file.read_bytes())
    place = data.index(joint_state(70)) // size * size
    data[place : place + size] = b'\xff' * size
    file.write_bytes(data)
    info = bag_info(file)
    assert (info.num_damaged, info.is_cut_off) == (1, True)
    assert 'damaged in 1 places' in info.losses
    found = [m.message.position[0] for m in read_bag(file)]
    assert found == list(range(len(found)))
    assert 30 < len(found) == info.message_count <= 70


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
