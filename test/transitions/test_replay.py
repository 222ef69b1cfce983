"""Whole episodes, fixed roles, bounded size."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.robot import load_robot
from simdist_ros.transitions.episode import Episode
from simdist_ros.transitions.shards.replay import InMemoryEpisodes, Replay, Role, episodes_by_role
from simdist_ros.transitions.training_windows import WindowSampler

ROBOT = load_robot('go2')


def numbered(number: int, steps: int = 40) -> Episode:
    generator = np.random.default_rng(number)
    return Episode(
        proprio_obs=generator.normal(size=(steps + 1, 35)).astype(np.float32),
        extero_obs=np.full((steps + 1, 315), 0.1 * number + 0.0123, np.float32),
        actions=generator.normal(size=(steps, 12)).astype(np.float32),
        commands=np.full((steps + 1, 3), number, np.float32),
    )


def commands_in(dataset):
    return [episode.commands[0, 0] for episode in dataset.episodes()]


def test_episodes_are_whole_and_survive_the_process(tmp_path):
    first = Replay(tmp_path / 'replay', ROBOT)
    for number in range(3):
        first.add(numbered(number))
    second = Replay(tmp_path / 'replay', ROBOT)
    second.add(numbered(3))
    assert commands_in(second.dataset()) == [0, 1, 2, 3]
    assert second.numbers == [0, 1, 2, 3]
    read = next(iter(second.dataset().episodes()))
    np.testing.assert_array_equal(read.proprio_obs, numbered(0).proprio_obs)


def test_the_oldest_go_when_there_are_too_many_bytes_and_the_others_keep_their_roles(tmp_path):
    probe = Replay(tmp_path / 'probe', ROBOT)
    probe.add(numbered(0))
    replay = Replay(tmp_path / 'replay', ROBOT, max_bytes=int(3.5 * probe.num_bytes))
    for number in range(8):
        replay.add(numbered(number))
    assert replay.numbers == [5, 6, 7]
    assert commands_in(replay.dataset()) == [5, 6, 7]
    on_disk = sum(path.stat().st_size for path in (tmp_path / 'replay').glob('shard-*'))
    assert on_disk == replay.num_bytes <= replay.max_bytes
    roles = episodes_by_role(replay.numbers)
    before = episodes_by_role(range(8))
    for role in Role:
        assert [replay.numbers[i] for i in roles[role]] == [i for i in before[role] if i >= 5]


def test_every_episode_has_one_role_and_three_are_enough_for_all_roles():
    roles = episodes_by_role(range(3))
    assert sorted(int(i) for found in roles.values() for i in found) == [0, 1, 2]
    assert all(len(found) == 1 for found in roles.values())
    many = episodes_by_role(range(100))
    assert [len(many[role]) for role in (Role.TRAIN, Role.STOP, Role.JUDGE)] == [60, 20, 20]


def test_a_full_disk_loses_only_the_episode_that_did_not_fit(tmp_path, monkeypatch):
    replay = Replay(tmp_path / 'replay', ROBOT)
    replay.add(numbered(0))

    def full(path, data):
        raise OSError(28, 'No space left on device')

    with monkeypatch.context() as patch:
        patch.setattr('simdist_ros.transitions.shards.dataset.write_atomic', full)
        with pytest.raises(OSError, match='No space'):
            replay.add(numbered(1))
    replay.add(numbered(2))
    assert commands_in(replay.dataset()) == [0, 2]
    assert replay.dataset().num_transitions == 2 * 40


def test_the_newest_episode_stays_however_large_it_is(tmp_path):
    replay = Replay(tmp_path / 'replay', ROBOT, max_bytes=1)
    for number in range(3):
        replay.add(numbered(number))
        assert replay.numbers == [number]
    assert commands_in(replay.dataset()) == [2]


def test_in_memory_and_on_disk_the_windows_are_the_same(tmp_path):
    replay = Replay(tmp_path / 'replay', ROBOT)
    episodes = tuple(replace(numbered(number), terminated=number == 2) for number in range(3))
    for episode in episodes:
        replay.add(episode)
    held = InMemoryEpisodes(episodes)
    assert held.numbers == replay.numbers
    samplers = [
        WindowSampler(source, np.array([0, 2]), history_steps=3, horizon_steps=4)
        for source in (held, replay.dataset())
    ]
    numbers = np.arange(len(samplers[0]))
    one, other = (sampler.gather(numbers) for sampler in samplers)
    np.testing.assert_array_equal(one.extero_obs, other.extero_obs)
    np.testing.assert_array_equal(one.proprio_obs, other.proprio_obs)
    np.testing.assert_array_equal(one.has_ended, other.has_ended)
    assert one.has_ended.any(axis=1).sum() == 3  # before the fall of the last episode


def test_a_replay_of_no_bytes_is_refused(tmp_path):
    with pytest.raises(ConfigError, match='must be positive'):
        Replay(tmp_path, ROBOT, max_bytes=0)
