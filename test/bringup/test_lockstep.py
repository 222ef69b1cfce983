"""Two seconds in lockstep with a model that has learned nothing: the plumbing must be exact."""

from __future__ import annotations

import contextlib
import json
import re
from collections import Counter

import numpy as np
import pytest
from mcap.reader import make_reader
from mcap_ros2.decoder import DecoderFactory
from rosbags.highlevel import AnyReader
from rosbags.typesys import Stores, get_typestore

from simdist_ros.embodiment.robot import load_robot
from simdist_ros.evaluation.recording import stamp_of
from simdist_ros.messages.topics import recorded_topics
from simdist_ros.transitions.bags.reader import bag_info, read_bag

from .running import running_graph

TICKS = 100
PERIOD_NS = 20_000_000
STAMPS = [tick * PERIOD_NS for tick in range(TICKS + 1)]  # the first and the last are answered

TOPICS = recorded_topics(load_robot('go2'))


@pytest.fixture(scope='module')
def graphs(random_model, tmp_path_factory):
    """Run the same seed twice and another one once, all at the same time."""
    folder = tmp_path_factory.mktemp('lockstep')
    arguments = ('--model', str(random_model), '--mode', 'lockstep', '--duration', '2')
    arguments += ('--set', 'planner.mppi.num_iterations=0')
    arguments += ('--set', 'mujoco_robot.tell_every_s=1e-1')
    with contextlib.ExitStack() as stack:
        graphs = {
            name: stack.enter_context(
                running_graph(folder / name, *arguments, '--seed', str(seed), *drawn)
            )
            for name, seed, *drawn in (('first', 3, '--plot'), ('again', 3), ('other', 4))
        }
        for graph in graphs.values():
            assert graph.wait() == 0, graph.stderr.read_text()
        yield graphs


@pytest.fixture(scope='module')
def first(graphs):
    return graphs['first']


@pytest.fixture(scope='module')
def messages(first):
    """Return the messages of the first run by topic and stamp; repeated ones count once."""
    found = {name: {} for name in TOPICS}
    for entry in read_bag(first.bag):
        if hasattr(entry.message, 'header'):
            found[entry.topic.lstrip('/')].setdefault(stamp_of(entry.message), entry.message)
    return found


def joint_positions(graph) -> dict[int, bytes]:
    return {
        stamp_of(entry.message): entry.message.position.tobytes()
        for entry in read_bag(graph.bag, ['/joint_states'])
    }


def test_the_same_seed_gives_the_same_joint_positions_to_the_bit(graphs):
    first, again = joint_positions(graphs['first']), joint_positions(graphs['again'])
    assert sorted(first) == STAMPS
    assert first == again


def test_another_seed_gives_another_way(graphs):
    first, other = joint_positions(graphs['first']), joint_positions(graphs['other'])
    assert sorted(first) == sorted(other)
    assert first != other


def test_every_state_has_its_plan_its_command_and_their_records(messages):
    for topic, found in messages.items():
        if topic != 'mode':
            assert sorted(found) == STAMPS, topic


def test_a_plan_covers_its_horizon_from_its_own_stamp_on(messages):
    for plan in messages['plan'].values():
        assert len(plan.points) == 25
        start, end = (plan.points[index].time_from_start for index in (0, -1))
        assert (start.sec, start.nanosec) == (0, 0)
        assert (end.sec, end.nanosec) == (0, 24 * PERIOD_NS)


def test_while_the_plan_is_followed_the_command_is_its_first_step_within_limits(messages):
    followed = 0
    for stamp, tick in messages['supervisor/tick'].items():
        values = {pair.key: pair.value for pair in tick.status[0].values}
        if values['action'] == 'follow_plan' and not values['limited']:
            planned = messages['plan'][stamp].points[0].positions
            np.testing.assert_array_equal(
                messages['joint_command'][stamp].points[0].positions, planned
            )
            followed += 1
    assert followed


def test_the_report_has_what_scripts_read(first):
    report = json.loads(first.report.read_text())
    assert isinstance(report['fell'], bool)
    assert 0.0 <= report['distance_m'] < 2.0
    assert 0.0 <= report['tracking_error_mps'] < 2.0
    assert 0.0 < report['planner_ms']['p50'] <= report['planner_ms']['p99']
    assert 2 <= report['ticks'] <= len(STAMPS)
    assert report['late_ticks'] == 0
    assert report['realtime_factor'] > 0.0
    assert report['bag'] == str(first.bag)
    assert report['run']['seed'] == 3
    assert report['run']['overrides'] == {
        'planner': {'mppi.num_iterations': 0},
        'mujoco_robot': {'tell_every_s': 0.1},
    }


def test_the_terminal_says_the_same_as_the_report(first):
    report = json.loads(first.report.read_text())
    said = first.stdout.read_text()
    assert f'distance          {report["distance_m"]:.2f} m' in said
    assert f'falls             {report["falls"]}' in said
    assert f'bag               {first.bag}' in said
    (folder,) = (first.folder / 'runs').iterdir()
    assert f'report, plot      {folder}' in said
    for name in ('report.json', 'report.txt', 'plot.png'):
        assert (folder / name).stat().st_size


def test_nothing_is_drawn_where_nothing_is_to_be(graphs):
    (folder,) = (graphs['other'].folder / 'runs').iterdir()
    assert f'report            {folder}' in graphs['other'].stdout.read_text()
    assert {path.name for path in folder.glob('*.*')} >= {'report.json', 'report.txt'}
    assert not list(folder.glob('*.png'))


def test_nothing_loud_was_said_and_nothing_was_lost(first):
    assert 'error' not in first.stderr.read_text().lower()
    assert ' 0 lost' in first.log('transition_logger')


def test_without_a_terminal_lines_say_how_far_it_is(first):
    line = r'\[mujoco_robot\] \d\.\d of 2 s of robot time, \d\.\d\d m from the start\n'
    assert re.search(line, first.stderr.read_text())


def test_the_mcap_reader_reads_what_the_bag_says_it_holds(first):
    (file,) = first.bag.glob('*.mcap')
    with file.open('rb') as stream:
        reader = make_reader(stream, decoder_factories=[DecoderFactory()])
        counts = Counter(entry.channel.topic for entry in reader.iter_decoded_messages())
    info = bag_info(first.bag)
    assert not info.is_cut_off
    assert counts == {name: topic.count for name, topic in info.topics.items()}
    assert set(counts) == {f'/{name}' for name in TOPICS}
    assert info.custom_data['robot'] == 'go2'
    assert info.custom_data['world'] == 'nominal'


def test_rosbags_reads_the_same(first):
    info = bag_info(first.bag)
    with AnyReader([first.bag], default_typestore=get_typestore(Stores.ROS2_KILTED)) as reader:
        counts = Counter(connection.topic for connection, _, _ in reader.messages())
        for connection, _, data in reader.messages():
            reader.deserialize(data, connection.msgtype)
    assert counts == {name: topic.count for name, topic in info.topics.items()}
