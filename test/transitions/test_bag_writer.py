from __future__ import annotations

import errno
import io
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest
import yaml
from mcap.reader import make_reader
from mcap_ros2.decoder import DecoderFactory
from rosbags.rosbag2 import Reader

from simdist_ros.core.errors import BagError
from simdist_ros.transitions.bags.mcap_file import McapFile
from simdist_ros.transitions.bags.metadata import BagMetadata
from simdist_ros.transitions.bags.reader import bag_info, read_bag
from simdist_ros.transitions.bags.recorded_topic import Topic
from simdist_ros.transitions.bags.writer import BagWriter

START_NS = 1_700_000_000_000_000_000
PERIOD_NS = 20_000_000


class HeldFile(io.BytesIO):
    """A disk that is stuck after the header until it is released."""

    def __init__(self) -> None:
        super().__init__()
        self.is_full = False
        self.gate = threading.Event()
        self.gate.set()

    def write(self, data) -> int:
        self.gate.wait()
        if self.is_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(data)


class FullDisk(io.BytesIO):
    """A disk with room for so many bytes."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room

    def write(self, data) -> int:
        if self.tell() + len(data) > self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(data)


def wait_until(condition, timeout_s: float = 120.0) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def bag(tmp_path, topics, info, joint_state, image) -> Path:
    with BagWriter(tmp_path / 'walk', topics, info) as writer:
        for k in range(200):
            assert writer.put('/joint_states', START_NS + k * PERIOD_NS, joint_state(k))
            if k % 2 == 0:
                assert writer.put('/height_map', START_NS + k * PERIOD_NS + 1, image(k))
    return tmp_path / 'walk'


def test_the_mcap_reader_decodes_every_message(bag):
    with (bag / 'walk_0.mcap').open('rb') as stream:
        reader = make_reader(stream, decoder_factories=[DecoderFactory()])
        decoded = list(reader.iter_decoded_messages(topics=['/joint_states']))
        assert reader.get_header().profile == 'ros2'
    assert [m.decoded_message.position[0] for m in decoded] == list(range(200))
    assert [m.message.log_time for m in decoded] == [START_NS + k * PERIOD_NS for k in range(200)]
    assert decoded[3].decoded_message.name == ['a', 'b', 'c']


def test_the_rosbags_reader_accepts_folder_and_metadata(bag, info):
    with Reader(bag) as reader:
        assert reader.message_count == 300
        assert reader.start_time == START_NS
        assert reader.end_time == START_NS + 199 * PERIOD_NS + 1
        assert reader.storage.metadata.custom == info
        counts = {name: topic.msgcount for name, topic in reader.topics.items()}
        assert counts == {'/joint_states': 200, '/height_map': 100, '/mode': 0}
        assert len(list(reader.messages())) == 300
        (profile,) = reader.topics['/mode'].connections[0].ext.offered_qos_profiles
    assert (profile.depth, profile.durability.name) == (1, 'TRANSIENT_LOCAL')


def test_metadata_has_every_field_of_version_9(bag, info):
    text = (bag / 'metadata.yaml').read_text()
    assert '&' not in text  # no anchors
    metadata = yaml.safe_load(text)['rosbag2_bagfile_information']
    topic = metadata['topics_with_message_count'][0]
    assert metadata | {'topics_with_message_count': None} == {
        'version': 9,
        'storage_identifier': 'mcap',
        'starting_time': {'nanoseconds_since_epoch': START_NS},
        'duration': {'nanoseconds': 199 * PERIOD_NS},
        'message_count': 300,
        'topics_with_message_count': None,
        'compression_format': '',
        'compression_mode': '',
        'relative_file_paths': ['walk_0.mcap'],
        'files': [
            {
                'path': 'walk_0.mcap',
                'starting_time': {'nanoseconds_since_epoch': START_NS},
                'duration': {'nanoseconds': 199 * PERIOD_NS},
                'message_count': 300,
            }
        ],
        'custom_data': info,
        'ros_distro': os.environ.get('ROS_DISTRO', 'kilted'),
    }
    assert topic['message_count'] == 200
    assert topic['topic_metadata']['type_description_hash'] == (
        'RIHS01_a13ee3a330e346c9d87b5aa18d24e11690752bd33a0350f11c5882bc9179260e'
    )
    assert topic['topic_metadata']['offered_qos_profiles'][0]['reliability'] == 'best_effort'


def test_the_file_alone_carries_rosbag2s_metadata_and_type_hashes(bag, info):
    with (bag / 'walk_0.mcap').open('rb') as stream:
        reader = make_reader(stream)
        *_, last = reader.iter_metadata()
        summary = reader.get_summary()
    assert last.name == 'rosbag2'
    noted = yaml.safe_load(last.metadata['serialized_metadata'])
    assert (noted['message_count'], noted['custom_data']) == (300, info)
    channel = summary.channels[1]
    assert channel.metadata['topic_type_hash'].startswith('RIHS01_')
    assert yaml.safe_load(channel.metadata['offered_qos_profiles'])[0]['history'] == 'keep_last'
    assert summary.schemas[channel.schema_id].encoding == 'ros2msg'


def test_a_bag_without_messages_is_still_a_bag(tmp_path, topics, info):
    BagWriter(tmp_path / 'empty', topics, info).close()
    with Reader(tmp_path / 'empty') as reader:
        assert reader.message_count == 0
        assert len(reader.topics) == 3


def test_an_existing_folder_is_refused_and_untouched(tmp_path, topics, info):
    folder = tmp_path / 'walk'
    folder.mkdir()
    (folder / 'precious').write_text('data')
    with pytest.raises(BagError, match=r"bag folder '.*walk' exists already; name another one"):
        BagWriter(folder, topics, info)
    assert [path.name for path in folder.iterdir()] == ['precious']


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path, topics, info):
    (tmp_path / 'file').write_text('')
    with pytest.raises(BagError, match='cannot be made'):
        BagWriter(tmp_path / 'file' / 'walk', topics, info)


def test_an_unknown_type_is_refused_before_anything_is_made(tmp_path, info):
    topic = Topic(name='/joint_states', type='sensor_msgs/msg/JointStates')
    with pytest.raises(BagError, match="did you mean 'sensor_msgs/msg/JointState'"):
        BagWriter(tmp_path / 'walk', [topic], info)
    assert not (tmp_path / 'walk').exists()


def test_a_topic_named_twice_is_refused(tmp_path, topics, info):
    with pytest.raises(BagError, match='twice'):
        BagWriter(tmp_path / 'walk', [*topics, topics[0]], info)


def test_an_unknown_topic_is_refused_with_a_suggestion(tmp_path, topics, info):
    with (
        BagWriter(tmp_path / 'walk', topics, info) as writer,
        pytest.raises(BagError, match="did you mean '/joint_states'"),
    ):
        writer.put('/joint_state', 0, b'')


def test_a_full_queue_never_blocks_and_counts_what_is_lost(tmp_path, topics, info, joint_state):
    disk = HeldFile()
    writer = BagWriter(
        tmp_path / 'walk', topics, info, max_messages=10, open_file=lambda path: disk
    )
    disk.gate.clear()
    data = joint_state(1)
    wait_until(lambda: not writer.put('/joint_states', START_NS, data))
    refused = sum(not writer.put('/joint_states', START_NS, data) for _ in range(1000))
    assert refused == 1000  # and none waited for a disk that does nothing
    assert writer.lost['/joint_states'] == 1001
    assert writer.lost['/mode'] == 0
    disk.gate.set()
    writer.close()
    assert writer.failure == ''


def test_the_queue_is_bounded_in_bytes_too(tmp_path, topics, info):
    disk = HeldFile()
    writer = BagWriter(
        tmp_path / 'walk', topics, info, max_bytes=1000, open_file=lambda path: disk
    )
    disk.gate.clear()
    assert not writer.put('/height_map', START_NS, bytes(1001))
    assert writer.lost == {'/height_map': 1}
    disk.gate.set()
    writer.close()


def test_no_more_messages_wait_than_the_queue_holds(tmp_path, topics, info):
    with BagWriter(tmp_path / 'walk', topics, info, max_messages=0) as writer:
        assert not writer.put('/joint_states', START_NS, b'data')
    assert writer.lost == {'/joint_states': 1}
    assert writer.written == {}


def test_a_bag_extends_from_the_earliest_to_the_latest_stamp_in_whatever_order(
    tmp_path, topics, info, joint_state
):
    with BagWriter(tmp_path / 'walk', topics, info) as writer:
        for k in (5, 2, 9, 4):
            assert writer.put('/joint_states', START_NS + k * PERIOD_NS, joint_state(k))
    metadata = yaml.safe_load((tmp_path / 'walk' / 'metadata.yaml').read_text())
    about = metadata['rosbag2_bagfile_information']
    assert about['starting_time']['nanoseconds_since_epoch'] == START_NS + 2 * PERIOD_NS
    assert about['duration']['nanoseconds'] == 7 * PERIOD_NS


def test_what_was_written_makes_room_for_more(tmp_path, topics, info):
    with BagWriter(tmp_path / 'walk', topics, info, max_bytes=1000) as writer:
        for number in range(10):
            wait_until(lambda: writer._queued_bytes == 0)
            assert writer.put('/joint_states', START_NS + number, bytes(900))
    assert not writer.lost
    assert writer.written == {'/joint_states': 10}


def test_what_waits_for_a_disk_that_fails_is_counted_as_lost(tmp_path, topics, info):
    disk = HeldFile()
    writer = BagWriter(tmp_path / 'walk', topics, info, open_file=lambda path: disk)
    disk.gate.clear()
    large = os.urandom(100_000)  # more than a chunk, so that the disk is asked at once
    for number in range(20):
        assert writer.put('/joint_states', START_NS + number, large)
    disk.is_full = True
    disk.gate.set()
    wait_until(lambda: writer.failure != '')
    writer.close()
    assert writer.written.get('/joint_states', 0) + writer.lost['/joint_states'] == 20
    assert writer.lost['/joint_states'] > 10


def test_what_comes_after_closing_or_before_time_began_is_lost_and_counted(
    tmp_path, topics, info, joint_state
):
    writer = BagWriter(tmp_path / 'walk', topics, info)
    assert not writer.put('/joint_states', -1, joint_state(0))
    writer.close()
    writer.close()
    assert not writer.put('/joint_states', START_NS, joint_state(0))
    assert writer.lost == {'/joint_states': 2}


def test_a_full_disk_ends_the_recording_and_not_the_caller(tmp_path, topics, info, joint_state):
    disk = FullDisk(room=20_000)
    writer = BagWriter(tmp_path / 'walk', topics, info, open_file=lambda path: disk)
    put = 0

    def put_until_refused() -> bool:
        nonlocal put
        put += 1
        return not writer.put('/joint_states', START_NS + put, os.urandom(100))

    wait_until(lambda: put_until_refused())
    writer.close()
    assert writer.failure == (
        f"bag '{tmp_path / 'walk'}' is cut off: [Errno 28] No space left on device"
    )
    written = writer.written.get('/joint_states', 0)
    assert written + writer.lost['/joint_states'] == put
    metadata = yaml.safe_load((tmp_path / 'walk' / 'metadata.yaml').read_text())
    assert metadata['rosbag2_bagfile_information']['message_count'] == written


def test_a_disk_that_is_full_from_the_start_leaves_nothing(tmp_path, topics, info):
    with pytest.raises(BagError, match='No space left'):
        BagWriter(tmp_path / 'walk', topics, info, open_file=lambda path: FullDisk(room=10))
    assert not (tmp_path / 'walk').exists()


def test_what_was_added_since_the_last_flush_is_not_safe(topics, info, joint_state):
    metadata = BagMetadata(file_name='walk_0.mcap', topics=tuple(topics), info=dict(info))
    file = McapFile(io.BytesIO(), metadata)
    for number in range(3):
        file.flush()
        file.add('/joint_states', START_NS + number, joint_state(number))
    assert file.safe.counts['/joint_states'] == 2
    assert file.pending()['/joint_states'] == 1


def test_the_metadata_tell_what_was_written_long_before_the_end(
    tmp_path, topics, info, joint_state, monkeypatch
):
    """So a reader of the metadata alone finds the messages of a recorder that was killed."""
    monkeypatch.setattr('simdist_ros.transitions.bags.writer.METADATA_S', 0.0)

    def told() -> int:
        text = (tmp_path / 'walk' / 'metadata.yaml').read_text()
        found = yaml.safe_load(text) or {}
        return found.get('rosbag2_bagfile_information', {}).get('message_count', 0)

    with BagWriter(tmp_path / 'walk', topics, info) as writer:
        assert writer.put('/joint_states', START_NS, joint_state(0))
        wait_until(lambda: told() == 1)


def test_a_killed_process_loses_about_a_second_at_most(tmp_path):
    script = textwrap.dedent("""
        import sys, time
        from pathlib import Path
        from simdist_ros.transitions.bags.writer import BagWriter
        from simdist_ros.transitions.bags.recorded_topic import Topic
        topics = [Topic(name='/mode', type='std_msgs/msg/String')]
        writer = BagWriter(Path(sys.argv[1]), topics, {'robot': 'go2'})
        data = bytes([0, 1, 0, 0, 5, 0, 0, 0]) + b'walk' + bytes(1)
        for k in range(10**6):
            writer.put('/mode', 20_000_000 * k, data)
            print(k, flush=True)
            time.sleep(0.02)
    """)
    bag = tmp_path / 'walk'
    process = subprocess.Popen(
        [sys.executable, '-c', script, str(bag)], stdout=subprocess.PIPE, text=True
    )
    put = 0
    while put < 100:
        put = int(process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    process.wait()
    info = bag_info(bag)
    assert info.is_cut_off
    assert info.custom_data == {'robot': 'go2'}
    messages = list(read_bag(bag))
    assert len(messages) == info.message_count >= put - 50
    assert {message.message.data for message in messages} == {'walk'}
    assert yaml.safe_load((bag / 'metadata.yaml').read_text())
