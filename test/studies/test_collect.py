from __future__ import annotations

import dataclasses
import hashlib

import numpy as np
import pytest

from simdist_ros.evaluation.planned_walk import PlannedWalk, episodes_of_walk, walk
from simdist_ros.studies.collect import collect, first_minutes
from simdist_ros.studies.jobs import DATA, Collect, walk_seed
from simdist_ros.studies.settings import bench_world
from simdist_ros.transitions.shards.dataset import ShardWriter, open_dataset

JOB = Collect(world='soft', seed=0, minutes=0.03)


@pytest.fixture(scope='module')
def collected(robot, parent, small, tmp_path_factory):
    folder = tmp_path_factory.mktemp('data') / 'soft-0'
    return folder, collect(robot, parent.model, small, JOB, folder)


def hashes(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob('*'))
        if path.is_file()
    }


def test_walks_are_collected_until_there_are_so_many_minutes(robot, collected):
    folder, found = collected
    dataset = open_dataset(folder, robot)
    assert dataset.is_complete
    assert len(dataset.parts) == found.walks > 1
    assert dataset.num_episodes == found.episodes
    assert found.minutes == pytest.approx(dataset.num_transitions / 50 / 60)
    last = dataset.parts[-1].manifest.shards
    before = dataset.num_transitions - sum(info.num_transitions for info in last)
    assert before < 0.03 * 60 * 50 <= dataset.num_transitions
    falls = [shard.terminated[-1] for shard in dataset.shards]
    assert found.falls == sum(falls) > 0


def test_speeds_and_seeds_go_from_walk_to_walk(robot, collected):
    folder, _ = collected
    first, second = (
        open_dataset(folder / name, robot).parts[0].manifest for name in ('walk_0000', 'walk_0001')
    )
    assert first.settings['command'] == [0.3, 0.0, 0.0]
    assert second.settings['command'] == [0.5, 0.0, 0.0]
    assert (first.seed, second.seed) == (walk_seed(DATA, 0, 0), walk_seed(DATA, 0, 1))


def test_a_killed_collection_goes_on_and_ends_in_the_same_bytes(
    robot, parent, small, collected, tmp_path
):
    whole, _ = collected
    folder = tmp_path / 'soft-0'
    collect(robot, parent.model, small, dataclasses.replace(JOB, minutes=0.001), folder)
    before = hashes(folder)
    about = open_dataset(whole / 'walk_0001', robot).parts[0].manifest
    killed = ShardWriter(
        folder / 'walk_0001', robot, seed=about.seed, settings=about.settings
    )  # killed after a shard, before the end
    killed.add(next(open_dataset(whole / 'walk_0000', robot).episodes()))
    killed.flush()
    found = collect(robot, parent.model, small, JOB, folder)
    assert found == collected[1]
    after = hashes(folder)
    assert {name: after[name] for name in before} == before
    dataset, again = open_dataset(whole, robot), open_dataset(folder, robot)
    assert again.fingerprint() == dataset.fingerprint()


def test_less_data_are_the_first_of_them(robot, collected):
    folder, _ = collected
    every = list(open_dataset(folder, robot).episodes())
    few = first_minutes(folder, robot, 0.01).episodes
    assert 0 < len(few) < len(every)
    steps = [episode.num_steps for episode in few]
    assert sum(steps[:-1]) < 0.01 * 60 * 50 <= sum(steps)
    for one, other in zip(few, every, strict=False):
        assert np.array_equal(one.proprio_obs, other.proprio_obs)


def test_a_walk_ends_soon_after_its_fall_and_the_fall_is_in_its_last_episode(robot, parent, small):
    world = bench_world('soft', small.trial)
    asked = PlannedWalk(world=world, seed=1, command=(0.5, 0.0, 0.0), seconds=4.0)
    ticks = []
    episodes = episodes_of_walk(
        robot,
        small.bags,
        (ticks.append(tick) or tick for tick in walk(robot, parent.model, small.mppi, asked)),
    )
    fallen = [tick.truth.has_fallen for tick in ticks]
    assert 0 < fallen.index(True) < len(ticks) <= fallen.index(True) + 12
    assert [episode.terminated for episode in episodes][-1]
    assert not any(episode.terminated for episode in episodes[:-1])
