"""What a planner has to beat, walked in the same worlds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.observation_terms import proprio_obs_dim, term_slice
from simdist_ros.evaluation.expert_planner import expert_decides
from simdist_ros.evaluation.goal_feedback import GoalFeedback, can_be_corrected
from simdist_ros.evaluation.planned_walk import PlannedWalk
from simdist_ros.evaluation.rivals import METHODS, judge_rival, search_of
from simdist_ros.planning.settings import MppiSettings
from simdist_ros.pretraining.recipe import load_recipe
from simdist_ros.sim.scenes.world import load_world
from simdist_ros.tasks.choice import task_of
from simdist_ros.world_model.architecture import Architecture
from simdist_ros.world_model.model import WorldModel
from simdist_ros.world_model.store.checkpoint import find_model, load_model

ASKED = PlannedWalk(world=load_world('nominal'), seed=3, command=(0.5, 0.0, 0.0), seconds=1.5)
WANTED = np.array([0.5, 0.1, -0.2], dtype=np.float32)


@pytest.mark.parametrize('method', METHODS)
def test_every_rival_walks_and_is_judged(go2, method):
    model = load_model(find_model('go2'), go2).model
    found = judge_rival(go2, load_recipe(go2), model, MppiSettings(), method, ASKED)
    assert not found.fell
    assert 0.3 < found.progress_m < 0.9
    assert found.command_error < 0.4
    assert found.succeeded is None
    assert found.reward_per_s > 2.0


@pytest.mark.parametrize('believes', [False, True])
@pytest.mark.parametrize('method', ['expert', 'expert_pi'])
def test_the_expert_walks_the_same_walk_without_the_model(go2, method, believes, monkeypatch):
    model = load_model(find_model('go2_beliefs'), go2).model
    if believes:
        model.belief = 0.5 * torch.ones(model.expert.belief_dim)
    recipe = load_recipe(go2)
    alone = judge_rival(go2, recipe, model, MppiSettings(), method, ASKED)
    monkeypatch.setattr('simdist_ros.evaluation.expert_planner.expert_decides', lambda *_: False)
    assert judge_rival(go2, recipe, model, MppiSettings(), method, ASKED) == alone


def test_a_walk_of_the_expert_evaluates_no_model(go2, monkeypatch):
    model = load_model(find_model('go2'), go2).model
    monkeypatch.setattr(type(model), 'encode', None)
    assert judge_rival(go2, None, model, MppiSettings(), 'expert', ASKED).progress_m > 0.3


def test_a_plan_later_than_the_expert_answers_needs_the_model(go2):
    model = load_model(find_model('go2'), go2).model
    latest = model.expert.plan_delay_steps
    alone = MppiSettings(num_iterations=0, plan_delay_steps=latest)
    assert expert_decides(model, alone)
    assert not expert_decides(model, replace(alone, plan_delay_steps=latest + 1))
    assert not expert_decides(model, replace(alone, num_iterations=1))
    assert not expert_decides(model, replace(alone, explore_share=0.1))
    assert not expert_decides(model, replace(alone, uses_expert=False))


def test_a_model_without_an_expert_is_refused_for_the_methods_that_need_one():
    bare = WorldModel(Architecture(latent_dim=16, dynamics_heads=4))
    for method in ('expert', 'expert_pi'):
        with pytest.raises(ConfigError, match=f"method '{method}' needs a model that carries"):
            search_of(method, MppiSettings(), bare)
    assert not search_of('policy', MppiSettings(), bare).uses_expert


def test_an_unknown_method_gets_a_suggestion():
    bare = WorldModel(Architecture(latent_dim=16, dynamics_heads=4))
    with pytest.raises(ConfigError, match="unknown method 'expert_p'; did you mean 'expert_pi'"):
        search_of('expert_p', MppiSettings(), bare)


def observed(go2, velocity, yaw_rate=0.0):
    """Return what a Go2 observes at a velocity of its base."""
    seen = np.zeros(proprio_obs_dim(go2))
    seen[term_slice(go2, 'base_lin_vel')] = velocity
    seen[term_slice(go2, 'base_ang_vel')] = [0.0, 0.0, yaw_rate]
    return seen


@pytest.mark.parametrize(('index', 'sign'), [(0, 1), (0, -1), (1, 1), (1, -1), (2, 1), (2, -1)])
def test_what_falls_short_is_asked_for_more_and_more_until_a_limit(go2, index, sign):
    task = task_of(go2)
    feedback = GoalFeedback(task)
    wanted = np.zeros(3, dtype=np.float32)
    wanted[index] = 0.2 * sign
    asked = [feedback.command(wanted, observed(go2, np.zeros(3))) for _ in range(2000)]
    along = sign * np.array(asked)[:, index]
    assert along[120] > along[60] > 0.2
    most = (sign * (task.goal.high if sign > 0 else task.goal.low))[index]
    widest = 0.5 * (task.goal.high - task.goal.low)[index]  # of the integral
    assert along[-1] == pytest.approx(min(most, 0.2 + 0.1 + widest))
    others = np.delete(np.array(asked), index, axis=1)
    np.testing.assert_allclose(others, 0.0, atol=1e-9)


def test_the_correction_is_that_of_a_pi_with_a_filtered_error(go2):
    feedback = GoalFeedback(task_of(go2))
    seen = observed(go2, [0.2, 0.1, 0.0], yaw_rate=-0.2)
    first = feedback.command(WANTED, seen)
    np.testing.assert_allclose(first, [0.5 + 0.5 * 0.3, 0.1, -0.2], atol=1e-6)
    for _ in range(150):  # 3 s, of which 2 s integrate
        last = feedback.command(WANTED, seen)
    assert last[0] == pytest.approx(0.5 + 0.5 * 0.3 + 0.6 * 0.3 * 2.0, abs=0.01)


def test_what_is_measured_counts_after_a_filter(go2):
    feedback = GoalFeedback(task_of(go2))
    feedback.command(WANTED, observed(go2, WANTED * [1.0, 1.0, 0.0], yaw_rate=-0.2))
    stopped = observed(go2, [0.0, 0.1, 0.0], yaw_rate=-0.2)
    asked = [feedback.command(WANTED, stopped)[0] for _ in range(10)]  # a filter's time
    assert asked[0] == pytest.approx(0.5 + 0.5 * 0.1 * 0.5)
    assert asked[-1] == pytest.approx(0.5 + 0.5 * 0.5 * (1.0 - 0.9**10))


def test_a_command_that_is_met_is_asked_for_as_it_is(go2):
    feedback = GoalFeedback(task_of(go2))
    seen = observed(go2, [0.5, 0.1, 0.0], yaw_rate=-0.2)
    asked = [feedback.command(WANTED, seen) for _ in range(500)]
    np.testing.assert_allclose(asked, np.tile(WANTED, (500, 1)), atol=1e-5)


def test_what_no_sensor_tells_is_asked_for_as_it_is(go2):
    blind = replace(go2, proprio_obs=('joint_pos', 'base_ang_vel'))
    seen = np.zeros(proprio_obs_dim(blind))
    asked = [GoalFeedback(task_of(blind)).command(WANTED, seen) for _ in range(100)][-1]
    np.testing.assert_allclose(asked[:2], WANTED[:2])
    assert asked[2] < WANTED[2]
    assert can_be_corrected(blind)
    assert not can_be_corrected(replace(go2, proprio_obs=('joint_pos',)))
