"""Each body in all stages: pretraining, the graph in lockstep, a bag, a finetuning, a swap."""

from __future__ import annotations

import contextlib
import io
import json
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from simdist_ros.cli import main
from simdist_ros.embodiment.action_space import action_space_of
from simdist_ros.embodiment.kinematics import tool_chain
from simdist_ros.embodiment.observation import extero_obs_dim
from simdist_ros.embodiment.observation_terms import observed_joint_pos
from simdist_ros.embodiment.robot import load_robot
from simdist_ros.embodiment.sensors import SENSORS, sensors_of
from simdist_ros.tasks.choice import task_of
from simdist_ros.transitions.assembly import needed_topics
from simdist_ros.transitions.bags.read_episodes import read_bag_episodes
from simdist_ros.transitions.bags.reader import bag_info
from simdist_ros.world_model.store.checkpoint import load_model
from simdist_ros.world_model.store.manifest import read_manifest

from ..bringup.running import SMALL_FINETUNING, running_graph

HERE = Path(__file__).parent
LEARNED = {  # enough for every line of a stage to run, not for any skill
    'expert.num_robots': 4,
    'expert.horizon_steps': 8,
    'expert.total_steps': 128,
    'expert.episode_steps': 60,
    'expert.policies_kept': 2,
    'collect.num_robots': 4,
    'collect.total_steps': 480,
    'collect.shard_steps': 240,
    'collect.episode_steps': 60,
    'train.num_steps': 4,
    'train.batch_size': 8,
    'train.warmup_steps': 1,
    'train.validation_interval': 4,
    'imitate.num_rounds': 1,
    'imitate.num_robots': 4,
    'imitate.rollout_steps': 20,
    'imitate.round_steps': 2,
    'evaluate.seconds': 1.5,
    'evaluate.num_seeds': 1,
    'evaluate.hard_worlds': '',
}
ADAPTED = {
    **SMALL_FINETUNING,
    'planner.mppi.num_samples': 8,
    'planner.watch.period_s': 0.0,
    'planner.watch.duration_s': 0.0,
    'finetuner.trigger.every_s': 4.6,  # three episodes
    'finetuner.end.after_swaps': 1,
    'finetuner.end.walk_on_s': 0.1,
    'finetuner.finetune.max_steps': 10,
    'finetuner.gate.max_fall_rise': 10.0,
}


def words(settings):
    """Return settings as a command line has them."""
    return [word for name, value in settings.items() for word in ('--set', f'{name}={value}')]


@pytest.fixture(scope='module', params=['hopper/hopper', 'arm/tool_arm'])
def story(request, tmp_path_factory):
    """Train a model of a body, let it work and learn until another model works."""
    folder = tmp_path_factory.mktemp('story')
    robot = load_robot(str(HERE / f'{request.param}.yaml'))
    told = ['--robot', str(robot.source)]
    model = folder / 'model'
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = main(
            ['pretrain', *told, '--out', str(model), '--work', str(folder / 'work')]
            + ['--preset', 'smoke', '--threads', '1', *words(LEARNED)]
        )
    assert code == 0, said.getvalue()
    arguments = [*told, '--model', str(model), '--mode', 'lockstep', '--finetune']
    with running_graph(folder / 'graph', *arguments, *words(ADAPTED)) as graph:
        assert graph.wait() == 0, graph.stderr.read_text()
        return SimpleNamespace(
            robot=robot,
            model=model,
            bag=graph.bag,
            models=graph.bag.parent / 'models',
            report=json.loads(graph.report.read_text()),
            work=folder / 'work',
            told=said.getvalue() + graph.stdout.read_text() + graph.stderr.read_text(),
        )


def test_its_model_is_its_own(story):
    loaded = load_model(story.model, story.robot)
    architecture = loaded.model.architecture
    actions = action_space_of(story.robot)
    assert architecture.action_dim == actions.dim
    assert read_manifest(story.model).actions == actions.kind
    assert architecture.extero_obs_dim == extero_obs_dim(story.robot)
    assert read_manifest(story.model).robot == story.robot.name


OF_LEGS = re.compile(r'm/s|\bwalk(s|ed|ing)?\b|\bf[ae]ll(s|en)?\b|\bfeet\b|from the start')


def test_messages_and_reports_speak_of_what_the_robot_does(story):
    report = (story.work / 'evaluate' / 'report.md').read_text()
    summaries = json.loads((story.work / 'evaluate' / 'report.json').read_text())['summaries']
    metrics = read_manifest(story.model).metrics
    assert 'policy in nominal' in story.told
    assert 's of new data' in story.told
    if story.robot.name == 'hopper':
        assert (
            '| world | m/s | controller | walks | falls | distance [m] | error [m/s] |' in report
        )
        assert 'policy in nominal at 0.5 m/s, seed 1000: ' in story.told
        assert 'policy.nominal.0.5.falls' in metrics
        return
    text = story.told + report
    assert not [line for line in text.splitlines() if OF_LEGS.search(line)]
    assert '| world | controller | trials | success rate | error [m] | reward |' in report
    assert re.search(r'policy in nominal, seed 1000: 0\.\d{3} m off', story.told)
    assert 'place_error_m' in story.report
    assert not [name for name, value in story.report.items() if value is None]
    assert not {'fell', 'falls', 'distance_m', 'tracking_error_mps'} & story.report.keys()
    known = {'world', 'controller', 'walks', 'success_rate', 'command_error', 'reward_per_s'}
    assert summaries[0].keys() == known
    assert 'policy.nominal.error_m' in metrics
    assert not [name for name in metrics if OF_LEGS.search(name) or 'fall' in name]


def test_each_tick_had_its_plan(story):
    assert story.report['ticks'] > 230
    assert story.report['late_ticks'] == 0
    assert story.report['planner']['ticks_without_plan'] == 0


def test_its_success_is_told_where_its_task_has_an_end(story):
    name = 'success_rate'
    metrics = read_manifest(story.model).metrics
    told = {name in story.report, any(key.endswith(name) for key in metrics)}
    assert told == {task_of(story.robot).name == 'reach'}


def test_the_bag_holds_what_it_measures_and_nothing_else(story):
    counts = {name.lstrip('/'): topic.count for name, topic in bag_info(story.bag).topics.items()}
    has = {SENSORS[name].topic for name in sensors_of(story.robot)}
    assert {sensor.topic for sensor in SENSORS.values()} & set(counts) == has
    assert all(counts[topic] for topic in has)
    assert all(counts[topic] for topic in needed_topics(story.robot))


def test_the_bag_gives_episodes_of_its_size(story):
    found = read_bag_episodes(story.bag, story.robot)
    assert found.num_transitions > 220
    assert not {reason for reason in found.discarded if 'impossible' in reason or 'fit' in reason}
    episode = found.episodes[0]
    assert episode.extero_obs.shape == (episode.num_steps + 1, extero_obs_dim(story.robot))
    if story.robot.ranges:  # it stands 0.42 m high and looks down by 45 degrees
        assert 0.3 < np.median(episode.extero_obs[:, 0]) < 0.7
    assert np.isfinite(episode.proprio_obs).all()
    assert episode.actions.shape[1] == action_space_of(story.robot).dim


def test_executed_actions_are_what_the_tool_did(story):
    if story.robot.tool_delta is None:
        return
    episode = read_bag_episodes(story.bag, story.robot).episodes[0]
    tool = tool_chain(story.robot).position(observed_joint_pos(story.robot, episode.proprio_obs))
    moved = np.diff(tool, axis=0) / story.robot.tool_delta.step_m
    assert np.abs(episode.actions).max() > 0.1
    asked, done = (np.cumsum(x, axis=0)[::10] for x in (episode.actions, moved))
    assert np.corrcoef(asked.ravel(), done.ravel())[0, 1] > 0.7


def test_an_adapted_model_came_to_work(story):
    adapted = sorted(path for path in story.models.iterdir() if path.is_dir())
    assert adapted
    assert read_manifest(adapted[0]).parent
    sizes = load_model(adapted[0], story.robot).model.architecture
    assert sizes.extero_obs_dim == extero_obs_dim(story.robot)
