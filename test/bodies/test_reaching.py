"""What the graph makes of a task that is no walking: goals, messages, models, refusals."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from simdist_ros.bringup.graph import GraphOptions, describe_graph
from simdist_ros.bringup.run import check_options
from simdist_ros.core.errors import CheckpointError, ConfigError
from simdist_ros.embodiment.robot import load_robot
from simdist_ros.evaluation.planned_walk import PlannedWalk
from simdist_ros.messages.from_messages import wanted_from_msg
from simdist_ros.messages.to_messages import stamp_ns, wanted_to_msg
from simdist_ros.messages.topics import recorded_topics
from simdist_ros.nodes.wanted_command import WantedCommand
from simdist_ros.planning.loading import load_planner
from simdist_ros.planning.settings import MppiSettings
from simdist_ros.pretraining.train.stage import robot_architecture
from simdist_ros.tasks.choice import task_of
from simdist_ros.transitions.assembly import needed_topics
from simdist_ros.transitions.episode import Episode
from simdist_ros.transitions.shards.dataset import DatasetError, ShardWriter, open_dataset
from simdist_ros.world_model.model import WorldModel
from simdist_ros.world_model.store.checkpoint import load_model, save_model
from simdist_ros.world_model.store.manifest import read_manifest

TINY = {
    'latent_dim': 8,
    'policy_layers': 1,
    'dynamics_layers': 1,
    'dynamics_heads': 2,
    'policy_heads': 2,
    'reward_heads': 2,
    'value_heads': 2,
}
PLACE = np.array([0.3, -0.2, 0.4])


@pytest.fixture(scope='module')
def model(arm, tmp_path_factory):
    """A model of the arm that has learned nothing."""
    folder = tmp_path_factory.mktemp('models') / 'reaching'
    network = WorldModel(dataclasses.replace(robot_architecture(arm), **TINY), seed=0)
    save_model(folder, network, robot=arm.name, task='reach', created_by='a test')
    return folder


def options(arm, model, **changes):
    return GraphOptions(robot=str(arm.source), model=str(model), mode='lockstep', **changes)


def test_a_place_and_its_stamp_survive_a_message(arm):
    message = wanted_to_msg(task_of(arm), 3_000_000_007, PLACE)
    assert (message.header.frame_id, stamp_ns(message)) == ('base', 3_000_000_007)
    np.testing.assert_array_equal(wanted_from_msg(task_of(arm), message), PLACE)


def test_a_place_in_another_frame_is_refused_and_the_last_one_stays(arm):
    said = []
    wanted = WantedCommand(arm, math.inf, lambda subject, text: said.append(text))
    message = wanted_to_msg(wanted.task, 1, PLACE)
    wanted.take(message)
    message.header.frame_id = 'map'
    message.pose.position.x = 0.0
    wanted.take(message)
    assert said == ["goal is given in frame 'map'; expected 'base'; the last command stays"]
    assert wanted.now().tolist() == PLACE.tolist()


def test_a_place_out_of_range_is_refused_and_the_last_one_stays(arm):
    said = []
    wanted = WantedCommand(arm, math.inf, lambda subject, text: said.append(text))
    wanted.take(wanted_to_msg(wanted.task, 1, PLACE))
    wanted.take(wanted_to_msg(wanted.task, 2, np.array([9.0, -0.2, 0.4])))
    assert said[0].startswith('goal [9.0, -0.2, 0.4] is refused, it lies outside [')
    assert said[0].endswith('; the last command stays')
    assert wanted.now().tolist() == PLACE.tolist()


def test_an_arm_keeps_its_place_when_nobody_asks_any_more(arm):
    time_s = 0.0
    wanted = WantedCommand(arm, 0.5, print, lambda: time_s)
    assert wanted.now().tolist() == task_of(arm).first_command().tolist()
    wanted.take(wanted_to_msg(wanted.task, 1, PLACE))
    time_s = 100.0
    assert wanted.now().tolist() == PLACE.tolist()


def test_its_topics_are_those_of_its_sensors_and_its_task(arm, go2):
    assert needed_topics(arm) == ('joint_states', 'goal', 'joint_command')
    assert {'goal', 'joint_states'} <= set(recorded_topics(arm))
    assert not {'cmd_vel', 'imu/data', 'odom', 'height_map'} & set(recorded_topics(arm))
    assert set(recorded_topics(go2)) - set(recorded_topics(arm)) == {
        'cmd_vel',
        'imu/data',
        'odom',
        'height_map',
    }


def test_a_search_proposes_no_other_places(arm, model, go2):
    loaded = load_planner(str(model), arm, MppiSettings(num_command_steps=2), seed=0)
    assert loaded.planner.proposals.count == 1


def test_a_model_says_what_it_was_trained_for_and_so_do_those_adapted_from_it(arm, model):
    network = load_model(model, arm).model
    save_model(
        model.parent / 'adapted', network, robot='arm', created_by='x', parent='../reaching'
    )
    assert read_manifest(model.parent / 'adapted').task == 'reach'


def test_a_model_of_another_task_is_refused(arm, model):
    other = model.parent / 'walking'
    save_model(other, load_model(model, arm).model, robot=arm.name, created_by='a test')
    with pytest.raises(CheckpointError) as error:
        check_options(options(arm, other))
    assert "the model is for task 'velocity', expected 'reach'; choose a model of this" in str(
        error.value
    )


def test_a_goal_reaches_the_operator_and_a_task_every_node(arm, model):
    nodes = describe_graph(options(arm, model, goal=(0.3, -0.2, 0.4), task='reach', bag='bag'))
    by_name = {node.name: node.parameters for node in nodes}
    assert by_name['operator']['goal'] == [0.3, -0.2, 0.4]
    assert {parameters['task'] for parameters in by_name.values()} == {'reach'}


REFUSED = {
    'a place out of range': ({'goal': (9.0, 0.0, 0.0)}, 'command [9.0, 0.0, 0.0] is beyond'),
    'two numbers': ({'goal': (0.1, 0.1)}, "command has 2 numbers; robot 'arm' takes 3"),
    'a heading': ({'heading_gain': 1.0}, "task 'reach' holds no heading; leave it 0"),
    'another task': ({'task': 'velocity'}, "unknown task of this robot 'velocity'; known: reach"),
}


@pytest.mark.parametrize(('changes', 'said'), REFUSED.values(), ids=REFUSED)
def test_what_the_arm_cannot_be_asked_for_is_refused_before_anything_runs(
    arm, model, changes, said
):
    with pytest.raises(ConfigError) as error:
        check_options(options(arm, model, **changes))
    assert said in str(error.value)


def test_a_walk_in_one_process_asks_for_a_place_too(arm):
    asked = PlannedWalk(world=None, seed=0, seconds=1.0, command=tuple(PLACE))
    assert asked.driver(arm).command(np.full(4, math.nan)).tolist() == PLACE.tolist()


def test_of_two_tasks_the_one_that_is_chosen_decides_what_is_needed(arm, tmp_path):
    both = arm.source.read_text().replace(
        'tasks:\n', 'tasks:\n  velocity: {command_low: [0, 0, 0], command_high: [1, 0, 0]}\n'
    )
    path = tmp_path / 'arm.yaml'
    path.write_text(both)
    (tmp_path / 'arm.xml').write_text(arm.mjcf_path.read_text())
    with pytest.raises(
        ConfigError, match="'velocity' needs a base that moves, and base is 'fixed"
    ):
        task_of(load_robot(str(path)))
    assert task_of(load_robot(str(path), 'reach')).name == 'reach'


def test_transitions_of_another_task_are_refused(arm, tmp_path):
    with ShardWriter(tmp_path / 'data', arm) as writer:
        writer.add(
            Episode(
                proprio_obs=np.zeros((3, 6), np.float32),
                extero_obs=np.zeros((3, 0), np.float32),
                commands=np.zeros((3, 3), np.float32),
                actions=np.zeros((2, 3), np.float32),
                terminated=False,
            )
        )
    assert open_dataset(tmp_path / 'data', arm).num_episodes == 1
    manifest = tmp_path / 'data/manifest.yaml'
    manifest.write_text(manifest.read_text().replace('task: reach\n', ''))  # as before tasks
    with pytest.raises(DatasetError, match="task is 'velocity', expected 'reach'; choose data of"):
        open_dataset(tmp_path / 'data', arm)
