"""The benchmark's walks are those of the graph: the same positions, the same transitions."""

from __future__ import annotations

import numpy as np
import pytest

from simdist_ros.evaluation.planned_walk import PlannedWalk, episodes_of_walk, walk
from simdist_ros.evaluation.recording import stamp_of
from simdist_ros.planning.settings import MppiSettings
from simdist_ros.sim.scenes.world import load_world
from simdist_ros.transitions.assembly import AssemblySettings
from simdist_ros.transitions.bags.read_episodes import read_bag_episodes
from simdist_ros.transitions.bags.reader import read_bag
from simdist_ros.world_model.store.checkpoint import find_model, load_model

from .running import running_graph

# Slippery ground, noisy and late sensors with holes in the height map; somebody who steers; a
# search with its noise, and trials of what the policy proposes.
WORLD, SEED, SPEED, SECONDS, STEERING = 'slippery_slope', 1_002_003, 0.7, 2.0, 2.0
SEARCH = {
    'num_samples': 8,
    'num_iterations': 1,
    'num_policy_samples': 2,
    'command_settling_steps': 20,
    'explore_share': 0.3,
}
BAGS = AssemblySettings(episode_s=0.5, min_episode_s=0.2)


@pytest.fixture(scope='module')
def bag(tmp_path_factory):
    folder = tmp_path_factory.mktemp('bench') / 'graph'
    options = {'world': WORLD, 'seed': SEED, 'vx': SPEED, 'duration': SECONDS, 'mode': 'lockstep'}
    options |= {'heading-gain': STEERING}
    arguments = [f'--{name}={value}' for name, value in options.items()]
    arguments += [f'--set=planner.mppi.{name}={value}' for name, value in SEARCH.items()]
    with running_graph(folder, '--model', 'go2', *arguments) as graph:
        assert graph.wait() == 0, graph.stderr.read_text()
        yield graph.bag


@pytest.fixture(scope='module')
def ticks(go2):
    asked = PlannedWalk(
        world=load_world(WORLD),
        seed=SEED,
        command=(SPEED, 0.0, 0.0),
        seconds=SECONDS,
        heading_gain=STEERING,
    )
    model = load_model(find_model('go2'), go2).model
    return list(walk(go2, model, MppiSettings(**SEARCH), asked))


def test_the_joints_are_where_they_are_in_the_graph_to_the_bit(go2, bag, ticks):
    names = list(go2.joint_names)
    recorded = {
        stamp_of(entry.message): entry.message.position[
            [list(entry.message.name).index(name) for name in names]
        ]
        for entry in read_bag(bag, ['/joint_states'])
    }
    walked = {tick.state.stamp_ns: tick.state.joint_pos for tick in ticks}
    assert sorted(recorded) == sorted(walked)
    assert len(walked) == 101
    for stamp, position in walked.items():
        np.testing.assert_array_equal(position, recorded[stamp], err_msg=str(stamp))


def test_the_episodes_are_those_that_the_bag_gives(go2, bag, ticks):
    recorded = read_bag_episodes(bag, go2, BAGS).episodes
    collected = episodes_of_walk(go2, BAGS, ticks)
    assert len(collected) == len(recorded) >= 4
    for one, other in zip(collected, recorded, strict=True):
        assert one.terminated == other.terminated
        for name in ('proprio_obs', 'extero_obs', 'actions', 'commands'):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
