import numpy as np
import pytest

from simdist_ros.embodiment.history import History


def obs(value: float) -> np.ndarray:
    return np.array([value, -value], dtype=np.float32)


def action(value: float) -> np.ndarray:
    return np.full(3, value, dtype=np.float32)


@pytest.fixture
def history() -> History:
    return History(history_steps=3, proprio_obs_dim=2, action_dim=3)


def test_there_is_one_observation_more_than_actions(history):
    assert history.proprio_obs.shape == (4, 2)
    assert history.actions.shape == (3, 3)
    assert history.is_empty


def test_the_first_observation_stands_for_the_missing_ones(history):
    history.start(obs(1.0))
    assert not history.is_empty
    np.testing.assert_array_equal(history.proprio_obs[:, 0], [1, 1, 1, 1])
    np.testing.assert_array_equal(history.actions, np.zeros((3, 3)))


def test_an_append_to_an_empty_history_starts_it_without_the_action(history):
    history.append(action(9.0), obs(1.0))
    np.testing.assert_array_equal(history.proprio_obs[:, 0], [1, 1, 1, 1])
    np.testing.assert_array_equal(history.actions, np.zeros((3, 3)))


def test_the_oldest_is_dropped_and_the_newest_is_last(history):
    history.start(obs(0.0))
    for step in range(1, 6):
        history.append(action(10.0 * step), obs(step))
    np.testing.assert_array_equal(history.proprio_obs[:, 0], [2, 3, 4, 5])
    np.testing.assert_array_equal(history.actions[:, 0], [30, 40, 50])


def test_each_action_stands_between_the_observations_before_and_after_it(history):
    history.start(obs(0.0))
    history.append(action(0.5), obs(1.0))  # executed after observation 0, led to 1
    np.testing.assert_array_equal(history.proprio_obs[-2:, 0], [0, 1])
    np.testing.assert_array_equal(history.actions[:, 0], [0, 0, 0.5])


def test_a_history_of_one_step_shifts_too():
    history = History(history_steps=1, proprio_obs_dim=2, action_dim=3)
    history.start(obs(0.0))
    history.append(action(1.0), obs(1.0))
    history.append(action(2.0), obs(2.0))
    np.testing.assert_array_equal(history.proprio_obs[:, 0], [1, 2])
    np.testing.assert_array_equal(history.actions[:, 0], [2])


def test_what_was_appended_is_copied(history):
    first, second, moved = obs(1.0), obs(2.0), action(3.0)
    history.start(first)
    history.append(moved, second)
    for array in (first, second, moved):
        array[:] = 99.0
    np.testing.assert_array_equal(history.proprio_obs[:, 0], [1, 1, 1, 2])
    np.testing.assert_array_equal(history.actions[:, 0], [0, 0, 3])


def test_reset_forgets_and_the_next_observation_begins_anew(history):
    history.start(obs(1.0))
    history.append(action(5.0), obs(2.0))
    history.reset()
    assert history.is_empty
    history.append(action(6.0), obs(3.0))
    np.testing.assert_array_equal(history.proprio_obs[:, 0], [3, 3, 3, 3])
    np.testing.assert_array_equal(history.actions, np.zeros((3, 3)))
