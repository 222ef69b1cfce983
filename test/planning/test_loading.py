"""A model folder becomes a planner that is ready."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from simdist_ros.core.errors import CheckpointError, ConfigError
from simdist_ros.planning.loading import load_planner
from simdist_ros.planning.settings import MppiSettings
from simdist_ros.world_model.store.checkpoint import save_model

from .situations import SMALL, make_planner, observe

SETTINGS = MppiSettings(**SMALL)


@pytest.fixture
def folder(tmp_path, small_model):
    path = tmp_path / 'small'
    save_model(path, small_model, robot='duo', created_by='a test')
    return str(path)


def test_a_loaded_planner_plans_as_one_made_by_hand(folder, robot, small_model, architecture):
    loaded = load_planner(folder, robot, SETTINGS, seed=9)
    assert loaded.name == 'small'
    assert loaded.summary == (
        'model small: 1 proposals, 32 samples x 3 iterations, 1 threads, torch on cpu, the only '
        'one asked for'
    )
    assert loaded.warning == ''
    by_hand = make_planner(small_model, seed=9)
    for step in range(3):
        observation = observe(architecture, step, seed=step)
        np.testing.assert_array_equal(
            loaded.planner.plan(observation).actions, by_hand.plan(observation).actions
        )


def test_a_search_that_does_not_fit_is_reduced_with_a_warning(folder, robot):
    settings = replace(SETTINGS, budget_ms=1e-3)  # no machine is that fast
    loaded = load_planner(folder, robot, settings, seed=9)
    assert loaded.planner.settings.num_samples == 8
    assert loaded.planner.settings.budget_ms == 1e-3
    assert (
        'the budget is 0.001 ms, 0.0007 ms for a plan measured alone: reduced to 8 x 0'
        in loaded.warning
    )
    assert loaded.refit.settings == loaded.planner.settings
    assert loaded.refit.choices[0] == settings  # what it may grow back to


def test_a_model_that_was_not_named_is_asked_for(robot):
    with pytest.raises(ConfigError, match="no model was named; set 'model' to the name"):
        load_planner('', robot, SETTINGS, seed=0)


def test_a_model_for_another_robot_is_refused(folder, robot):
    with pytest.raises(CheckpointError, match='duo'):
        load_planner(folder, replace(robot, name='trio'), SETTINGS, seed=0)
