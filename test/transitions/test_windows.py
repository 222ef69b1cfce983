from __future__ import annotations

import numpy as np
import pytest

from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.history import History
from simdist_ros.embodiment.robot import load_robot
from simdist_ros.transitions.episode import Episode
from simdist_ros.transitions.shards.dataset import ShardWriter, open_dataset
from simdist_ros.transitions.training_windows import WindowSampler, split_episodes

ROBOT = load_robot('go2')
H, T = 3, 4


def counted(steps: int, first: int, terminated: bool = False) -> Episode:
    """Return an episode whose numbers say which step they are of: observation k is first + k."""
    state = np.arange(first, first + steps + 1, dtype=np.float32)
    step = state[:-1]
    return Episode(
        proprio_obs=np.repeat(state[:, None], 35, axis=1),
        extero_obs=np.repeat(state[:, None], 315, axis=1),
        actions=np.repeat(step[:, None], 12, axis=1) + 0.5,
        commands=np.repeat(state[:, None], 3, axis=1) + 0.25,
        rewards=step + 0.125,
        next_values=state[1:],
        is_expert=step % 2 == 0,
        expert_actions=np.repeat(step[:, None], 12, axis=1) + 0.75,
        terminated=terminated,
    )


@pytest.fixture
def dataset(tmp_path):
    with ShardWriter(tmp_path, ROBOT, shard_transitions=10) as writer:
        writer.add(counted(10, 100))
        writer.add(counted(6, 200, terminated=True))
        writer.add(counted(2, 300))
    return open_dataset(tmp_path, ROBOT)


def sampler(dataset, *episodes: int) -> WindowSampler:
    return WindowSampler(dataset, np.array(episodes), history_steps=H, horizon_steps=T)


def test_a_window_in_the_middle_is_what_was_recorded(dataset):
    windows = sampler(dataset, 0).gather(np.array([4]))
    np.testing.assert_array_equal(windows.proprio_obs[0, :, 0], np.arange(101, 109))
    np.testing.assert_array_equal(windows.actions[0, :, 0], np.arange(101, 108) + 0.5)
    np.testing.assert_array_equal(windows.commands[0, :, 0], np.arange(104, 109) + 0.25)
    np.testing.assert_array_equal(windows.rewards[0], np.arange(104, 108) + 0.125)
    np.testing.assert_array_equal(windows.next_values[0], np.arange(105, 109))
    np.testing.assert_array_equal(windows.is_expert[0], [True, False, True, False])
    np.testing.assert_array_equal(windows.expert_actions[0, :, 0], np.arange(104, 108) + 0.75)
    assert windows.extero_obs[0, 0] == 104
    assert windows.is_known.all()
    assert not windows.has_ended.any()


def test_at_an_episodes_start_the_past_is_that_of_a_fresh_history(dataset):
    windows = sampler(dataset, 0).gather(np.array([0, 1]))
    history = History(H, 35, 12)
    history.start(np.full(35, 100, dtype=np.float32))
    np.testing.assert_array_equal(windows.proprio_obs[0, : H + 1], history.proprio_obs)
    np.testing.assert_array_equal(windows.actions[0, :H], history.actions)
    history.append(np.full(12, 100.5, dtype=np.float32), np.full(35, 101, dtype=np.float32))
    np.testing.assert_array_equal(windows.proprio_obs[1, : H + 1], history.proprio_obs)
    np.testing.assert_array_equal(windows.actions[1, :H], history.actions)


def test_beyond_a_fall_nothing_more_is_earned(dataset):
    windows = sampler(dataset, 1).gather(np.array([4]))
    np.testing.assert_array_equal(windows.proprio_obs[0, H:, 0], [204, 205, 206, 206, 206])
    np.testing.assert_array_equal(windows.actions[0, H:, 0], [204.5, 205.5, 205.5, 205.5])
    np.testing.assert_array_equal(windows.rewards[0], [204.125, 205.125, 0, 0])
    np.testing.assert_array_equal(windows.next_values[0], [205, 0, 0, 0])
    np.testing.assert_array_equal(windows.is_known[0], [True, True, False, False])
    np.testing.assert_array_equal(windows.has_ended[0], [False, False, True, True])
    np.testing.assert_array_equal(windows.is_expert[0], [True, False, False, False])


def test_every_step_before_a_fall_starts_a_window_and_the_recordings_end_does_not(dataset):
    assert len(sampler(dataset, 0)) == 10 - T + 1
    assert len(sampler(dataset, 1)) == 6
    assert len(sampler(dataset, 2)) == 1  # shorter than the horizon
    assert len(sampler(dataset, 0, 1, 2)) == 14


def test_an_episode_shorter_than_the_horizon_is_marked_unknown_beyond(dataset):
    windows = sampler(dataset, 2).gather(np.array([0]))
    np.testing.assert_array_equal(windows.is_known[0], [True, True, False, False])
    assert not windows.has_ended.any()


def test_windows_of_several_shards_keep_their_order(dataset):
    windows = sampler(dataset, 0, 1, 2).gather(np.array([13, 0, 7, 12, 6]))
    np.testing.assert_array_equal(windows.extero_obs[:, 0], [300, 100, 200, 205, 106])


def test_only_the_episodes_asked_for_are_drawn(dataset):
    windows = sampler(dataset, 0, 2).draw(200, np.random.default_rng(0))
    seen = set(np.unique(windows.extero_obs))
    assert seen == {*range(100, 107), 300}


def test_the_same_generator_draws_the_same_windows(dataset):
    first, second = (
        sampler(dataset, 0, 1).draw(16, np.random.default_rng(5)).extero_obs for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)


def test_data_without_labels_give_windows_without_them(tmp_path):
    bare = counted(8, 0)
    bare = Episode(
        proprio_obs=bare.proprio_obs,
        extero_obs=bare.extero_obs,
        actions=bare.actions,
        commands=bare.commands,
    )
    with ShardWriter(tmp_path, ROBOT) as writer:
        writer.add(bare)
    windows = sampler(open_dataset(tmp_path, ROBOT), 0).draw(3, np.random.default_rng(0))
    assert windows.rewards is None
    assert windows.next_values is None
    assert windows.is_expert is None


def test_no_episode_is_in_training_and_in_validation():
    training, validation = split_episodes(100, 0.1, seed=4)
    assert len(validation) == 10
    assert sorted([*training, *validation]) == list(range(100))


def test_the_division_is_the_same_for_the_same_seed():
    np.testing.assert_array_equal(split_episodes(50, 0.1, 1)[1], split_episodes(50, 0.1, 1)[1])
    assert list(split_episodes(50, 0.1, 1)[1]) != list(split_episodes(50, 0.1, 2)[1])


def test_at_least_one_episode_is_held_out_and_one_kept():
    assert [len(part) for part in split_episodes(2, 0.001, 0)] == [1, 1]
    assert [len(part) for part in split_episodes(2, 0.999, 0)] == [1, 1]
    with pytest.raises(ConfigError, match='collect at least 2'):
        split_episodes(1, 0.5, 0)


def test_windows_with_a_whole_history_begin_h_steps_into_their_episode(dataset):
    whole = WindowSampler(
        dataset, np.array([0, 1, 2]), history_steps=H, horizon_steps=T, whole_history=True
    )
    assert len(whole) == (10 - T + 1 - H) + (6 - H)
    windows = whole.gather(np.arange(len(whole)))
    np.testing.assert_array_equal(windows.extero_obs[:, 0], [103, 104, 105, 106, 203, 204, 205])
    np.testing.assert_array_equal(windows.proprio_obs[4, :, 0][: H + 1], [200, 201, 202, 203])
    np.testing.assert_array_equal(whole.episode_of(np.arange(7)), [0, 0, 0, 0, 1, 1, 1])


def test_a_window_ends_in_a_fall_if_its_horizon_reaches_one(dataset):
    one = sampler(dataset, 0, 1, 2)
    found = one.ends_in_fall(np.arange(len(one)))
    assert not found[:7].any()
    np.testing.assert_array_equal(found[7:13], [False, False, True, True, True, True])
    assert not found[13]  # a recording that ends early has no fall


def test_validation_gets_no_more_episodes_than_it_may():
    training, validation = split_episodes(100, 0.5, seed=0, most=7)
    assert (len(training), len(validation)) == (93, 7)
