"""What an evaluation of bags says: the errors of their windows, and which are of slips."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from simdist_ros.adaptation.evaluate import evaluate_bags, evaluation_lines
from simdist_ros.adaptation.whole_windows import windows_of
from simdist_ros.evaluation.outcomes import recorded_following
from simdist_ros.evaluation.prediction import predict
from simdist_ros.transitions.assembly import AssemblySettings
from simdist_ros.transitions.bags.read_episodes import read_bags
from simdist_ros.transitions.shards.replay import InMemoryEpisodes

from ..transitions.walk_messages import walk, write_bag

PIECES = AssemblySettings(episode_s=0.5, min_episode_s=0.2)


@pytest.fixture
def bag(tmp_path, robot):
    return write_bag(tmp_path / 'walk', walk(robot, 100))


@pytest.fixture
def windows(bag, robot, architecture):
    (read,) = read_bags([bag], robot, PIECES)
    episodes = InMemoryEpisodes(read.episodes)
    return windows_of(episodes, np.arange(len(read.episodes)), architecture)


def test_errors_are_those_of_all_windows_and_of_the_quarter_followed_worst(
    parent, robot, bag, windows
):
    (found,), _ = evaluate_bags([parent], robot, [bag], PIECES)
    prediction = predict(parent.model, windows, len(windows))
    following = recorded_following(robot, windows, len(windows))
    worst = np.argsort(following, kind='stable')[: len(windows) // 4]
    np.testing.assert_allclose(found.error, prediction.by_step(), rtol=1e-4)
    np.testing.assert_allclose(found.held, prediction.by_step('held'), rtol=1e-4)
    np.testing.assert_allclose(found.slip_error, prediction.share()[worst].mean(0), rtol=1e-4)
    assert not np.allclose(found.held, found.error, rtol=0.01)
    assert not np.allclose(found.slip_error, found.error, rtol=1e-3)
    assert found.mean == pytest.approx(prediction.by_episode().mean(), rel=1e-4)
    assert (found.windows, found.episodes) == (len(windows), 4)


def test_a_bag_that_was_learned_from_is_known_however_it_is_named(parent, robot, bag, monkeypatch):
    about = {'bags': [{'path': str(bag.resolve())}]}
    adapted = replace(parent, manifest=replace(parent.manifest, adaptation=about))
    monkeypatch.chdir(bag.parent)
    found, _ = evaluate_bags([parent, adapted], robot, [Path(bag.name)], PIECES)
    assert [one.has_seen for one in found] == [[], [bag.name]]


def test_the_table_shows_each_step_under_its_own_heading(parent, robot, bag):
    found, _ = evaluate_bags([parent], robot, [bag], PIECES)
    head, _, row, nothing, *_ = evaluation_lines(found)
    assert [cell.strip() for cell in head.split('|')[2:6]] == [f'{k} ahead' for k in (1, 2, 3, 4)]
    for line, errors in ((row, found[0].error), (nothing, found[0].held)):
        shown = [float(cell) for cell in line.split('|')[2:6]]
        np.testing.assert_allclose(shown, errors, atol=5e-5)
