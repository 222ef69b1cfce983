"""What the gate plans from: the recorded situation, each time from nothing."""

from __future__ import annotations

import numpy as np
import pytest

from simdist_ros.adaptation import recorded_plans
from simdist_ros.adaptation.adapt import adapt, data_of_episodes
from simdist_ros.adaptation.recorded_plans import plan_recorded
from simdist_ros.adaptation.settings import FinetuneSettings, GateSettings
from simdist_ros.adaptation.whole_windows import windows_of
from simdist_ros.planning.planner import Planner
from simdist_ros.transitions.shards.replay import InMemoryEpisodes
from simdist_ros.transitions.training_windows import evenly

from .conftest import H, lived

COUNT = 4


@pytest.fixture
def asked(monkeypatch):
    """What planners are shown, whether they began from nothing, and what they answered."""
    seen = []

    class Watched(Planner):
        def plan(self, observation):
            begins_anew = self.mean is None
            result = super().plan(observation)
            seen.append((observation, begins_anew, result))
            return result

    monkeypatch.setattr(recorded_plans, 'Planner', Watched)
    return seen


@pytest.fixture
def episode():
    episode = lived(3)
    episode.commands[:, 0] += 0.01 * np.arange(len(episode.commands))
    episode.extero_obs[:] += 0.01 * np.arange(len(episode.extero_obs))[:, None]
    return episode


@pytest.fixture
def windows(episode, architecture):
    return windows_of(InMemoryEpisodes((episode,)), np.array([0]), architecture)


def test_a_plan_answers_what_the_robot_had_seen_and_done_by_then(
    model, robot, windows, episode, asked
):
    plan_recorded(model, robot, windows, COUNT, 0)
    presents = H + evenly(len(windows), COUNT)
    assert len(asked) == COUNT
    for present, (shown, _, _) in zip(presents, asked, strict=True):
        past = slice(present - H, present)
        seen = episode.proprio_obs[present - H : present + 1]
        np.testing.assert_array_equal(shown.proprio_obs_hist, seen)
        np.testing.assert_array_equal(shown.acts_hist, episode.actions[past])
        np.testing.assert_allclose(shown.extero_obs, episode.extero_obs[present], atol=1e-3)
        np.testing.assert_array_equal(shown.command, episode.commands[present])


def test_no_plan_begins_with_that_of_another_situation(model, robot, windows, asked):
    plan_recorded(model, robot, windows, COUNT, 0)
    assert [begins_anew for _, begins_anew, _ in asked] == [True] * COUNT


def test_the_seed_of_a_finetuning_is_that_of_its_gates_plans(parent, robot, episodes, asked):
    data = data_of_episodes(episodes, episodes.numbers, parent.model.architecture)
    gate = GateSettings(num_plans=1, num_windows=2)

    def planned(seed):
        asked.clear()
        settings = FinetuneSettings(seed=seed, max_steps=1, max_windows=50, held_out_windows=10)
        adapt(parent, robot, data, settings, gate)
        (_, _, before), _ = asked
        return before.actions

    first, again, other = planned(0), planned(0), planned(1)
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-4
