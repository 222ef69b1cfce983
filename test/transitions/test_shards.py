from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import yaml

from simdist_ros.embodiment.robot import load_robot
from simdist_ros.transitions.episode import Episode
from simdist_ros.transitions.shards.dataset import DatasetError, ShardWriter, open_dataset

ROBOT = load_robot('go2')
LABELS = ('rewards', 'next_values', 'is_expert', 'expert_actions')


def make_episode(steps: int, seed: int = 0, terminated: bool = False) -> Episode:
    rng = np.random.default_rng(seed)

    def draw(*shape: int):
        return rng.normal(size=shape).astype(np.float32)

    return Episode(
        proprio_obs=draw(steps + 1, 35),
        extero_obs=draw(steps + 1, 315).astype(np.float16).astype(np.float32),
        actions=draw(steps, 12),
        commands=draw(steps + 1, 3),
        rewards=draw(steps),
        next_values=draw(steps),
        is_expert=rng.random(steps) < 0.5,
        expert_actions=draw(steps, 12),
        terminated=terminated,
    )


def assert_equal(one: Episode, other: Episode):
    for name in ('proprio_obs', 'extero_obs', 'actions', 'commands', *LABELS):
        assert getattr(one, name).dtype == getattr(other, name).dtype
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert one.terminated == other.terminated


@pytest.fixture
def episodes():
    return [make_episode(steps, steps, terminated=steps == 7) for steps in (5, 7, 40, 3, 20, 1)]


@pytest.fixture
def data(tmp_path, episodes):
    with ShardWriter(tmp_path / 'data', ROBOT, seed=3, shard_transitions=12) as writer:
        for episode in episodes:
            writer.add(episode)
    return tmp_path / 'data'


def test_what_was_added_is_read_back_in_order(data, episodes):
    dataset = open_dataset(data, ROBOT)
    assert dataset.num_episodes == 6
    assert dataset.num_transitions == 76
    assert dataset.is_complete
    for read, written in zip(dataset.episodes(), episodes, strict=True):
        assert_equal(read, written)


def test_an_episode_never_crosses_a_shard(data):
    shards = open_dataset(data, ROBOT).shards
    assert [list(shard.num_steps) for shard in shards] == [[5, 7], [40], [3, 20], [1]]


def test_a_height_in_half_precision_errs_by_at_most_a_millimetre(tmp_path):
    heights = np.linspace(-2.0, 2.0, 315, dtype=np.float32)
    episode = replace(make_episode(1), extero_obs=np.stack([heights, heights]))
    with ShardWriter(tmp_path, ROBOT) as writer:
        writer.add(episode)
    (read,) = open_dataset(tmp_path, ROBOT).episodes()
    assert np.abs(read.extero_obs - heights).max() <= 1e-3


def test_what_a_robot_recorded_has_no_labels(tmp_path):
    bare = replace(make_episode(4), **dict.fromkeys(LABELS))
    with ShardWriter(tmp_path, ROBOT) as writer:
        writer.add(bare)
        with pytest.raises(DatasetError, match='labels'):
            writer.add(make_episode(4))
    (read,) = open_dataset(tmp_path, ROBOT).episodes()
    assert all(getattr(read, name) is None for name in LABELS)


def test_as_many_labels_are_not_the_same_labels(tmp_path):
    bare = replace(make_episode(4), **dict.fromkeys(LABELS))
    writer = ShardWriter(tmp_path, ROBOT)
    writer.add(replace(bare, rewards=np.zeros(4, np.float32)))
    with pytest.raises(DatasetError, match=r"labels \['next_values'\], expected \['rewards'\]"):
        writer.add(replace(bare, next_values=np.zeros(4, np.float32)))


def test_a_killed_writer_goes_on_after_its_last_complete_shard(tmp_path, episodes):
    first = ShardWriter(tmp_path, ROBOT, shard_transitions=12)
    for episode in episodes[:2]:
        first.add(episode)
    first.add(make_episode(2))  # lost with its writer
    (tmp_path / 'shard-00001.safetensors').write_bytes(b'half')
    with ShardWriter(tmp_path, ROBOT, shard_transitions=12) as second:
        assert (second.num_shards, second.num_episodes, second.num_transitions) == (1, 2, 12)
        assert not second.is_complete
        assert not (tmp_path / 'shard-00001.safetensors').exists()
        for episode in episodes[2:]:
            second.add(episode)
    for read, written in zip(open_dataset(tmp_path, ROBOT).episodes(), episodes, strict=True):
        assert_equal(read, written)


def test_a_folder_of_folders_is_one_dataset(tmp_path, episodes):
    for part in ('b', 'a'):
        with ShardWriter(tmp_path / part, ROBOT) as writer:
            writer.add(make_episode(5, ord(part)))
    first, second = open_dataset(tmp_path, ROBOT).episodes()
    assert_equal(first, make_episode(5, ord('a')))
    assert_equal(second, make_episode(5, ord('b')))


def test_a_fingerprint_is_that_of_the_transitions_in_their_order(tmp_path):
    def fingerprint(name, *seeds):
        with ShardWriter(tmp_path / name, ROBOT, shard_transitions=1) as writer:
            for seed in seeds:
                writer.add(make_episode(5, seed))
        return open_dataset(tmp_path / name, ROBOT).fingerprint()

    first = fingerprint('a', 1, 2)
    assert first == fingerprint('b', 1, 2)
    assert len({first, fingerprint('c', 2, 1), fingerprint('d', 1, 3)}) == 3


def test_a_dataset_is_complete_when_all_of_its_writers_are(tmp_path):
    writers = [ShardWriter(tmp_path / part, ROBOT) for part in 'ab']
    for writer in writers:
        writer.add(make_episode(5))
        writer.flush()
    found = []
    for writer in writers:
        found.append(open_dataset(tmp_path, ROBOT).is_complete)
        writer.close()
    assert [*found, open_dataset(tmp_path, ROBOT).is_complete] == [False, False, True]


def test_a_copy_read_is_not_the_file(data):
    dataset = open_dataset(data, ROBOT)
    dataset.shards[0].episode(0).actions[:] = 9.0
    assert dataset.shards[0].episode(0).actions.max() < 9.0


def change(folder, **entries):
    path = folder / 'manifest.yaml'
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | entries))


@pytest.mark.parametrize(
    ('entries', 'sentence'),
    [
        ({'robot': 'a1'}, "robot is 'a1', expected 'go2'; choose data of this robot"),
        ({'schema_version': 99}, 'schema_version is 99, expected 1; collect it again'),
        ({'kind': 'model'}, "kind is 'model', expected 'transitions'"),
        ({'sizes': {'actions': 6}}, 'sizes is'),
        ({'shards': [{'file': 'x'}]}, 'not what a manifest of transitions holds'),
        ({'shards': []}, 'holds no complete shard'),
    ],
)
def test_data_of_something_else_are_refused(data, entries, sentence):
    change(data, **entries)
    with pytest.raises(DatasetError, match=sentence) as refusal:
        open_dataset(data, ROBOT)
    assert '\n' not in str(refusal.value)


def test_a_truncated_shard_is_refused(data):
    path = data / 'shard-00001.safetensors'
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DatasetError, match=r'shard-00001.safetensors: \d+ bytes long, expected'):
        open_dataset(data, ROBOT)


def test_a_damaged_shard_is_refused(data):
    path = data / 'shard-00001.safetensors'
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(DatasetError, match='SHA-256'):
        open_dataset(data, ROBOT)


def test_a_missing_shard_is_refused(data):
    (data / 'shard-00000.safetensors').unlink()
    with pytest.raises(DatasetError, match='is missing'):
        open_dataset(data, ROBOT)


def test_no_data_at_all_are_refused(tmp_path):
    with pytest.raises(DatasetError, match='holds no transitions; collect them first'):
        open_dataset(tmp_path, ROBOT)


def test_a_writer_refuses_a_folder_with_something_else_in_it(tmp_path):
    (tmp_path / 'thesis.tex').write_text('all my work')
    with pytest.raises(DatasetError, match=r'something else than transitions \(thesis.tex\)'):
        ShardWriter(tmp_path, ROBOT)
    assert (tmp_path / 'thesis.tex').read_text() == 'all my work'


def test_a_writer_refuses_settings_other_than_it_was_begun_with(tmp_path):
    ShardWriter(tmp_path, ROBOT, seed=1, settings={'envs': 8})
    with pytest.raises(DatasetError, match='seed was 1 and is now 2'):
        ShardWriter(tmp_path, ROBOT, seed=2, settings={'envs': 8})
    with pytest.raises(DatasetError, match='envs was 8 and is now None'):
        ShardWriter(tmp_path, ROBOT, seed=1)


def test_a_writer_refuses_an_episode_of_another_robot(tmp_path):
    other = replace(make_episode(3), actions=np.zeros((3, 6), dtype=np.float32))
    with pytest.raises(DatasetError, match='actions of size 6, expected 12'):
        ShardWriter(tmp_path, ROBOT).add(other)
