"""Asking the policy for velocities beside the one wanted."""

import dataclasses

import numpy as np
import pytest
import torch

from simdist_ros.core.errors import ConfigError
from simdist_ros.planning.planner import Source
from simdist_ros.planning.proposals import Proposals
from simdist_ros.planning.settings import MppiSettings

from .situations import actions, make_planner, observe, prefer, prior_of, seen_by

SPREAD = torch.tensor([0.5, 0.2, 1.0])


def told(model, observation, offset):
    """Return what the policy would do if it were told another command."""
    command = observation.command + np.asarray(offset, dtype=np.float32)
    return prior_of(model, dataclasses.replace(observation, command=command))


def test_none_is_first_then_the_centre_then_two_steps_each_way_along_each_number():
    offsets = Proposals(SPREAD, 2, step=0.1, reach=1.0).offsets()
    assert offsets.shape == (2 + 4 * 3, 3)
    assert not offsets[:2].any()
    assert (offsets[2:] != 0.0).sum(dim=1).tolist() == [1] * 12
    assert sorted(offsets[:, 0].tolist())[:2] == pytest.approx([-0.1, -0.05])
    assert offsets[:, 2].max() == pytest.approx(0.2)


def test_without_a_step_nothing_else_is_asked_for():
    proposals = Proposals(SPREAD, 0, step=0.2, reach=1.0)
    assert proposals.offsets().tolist() == [[0.0, 0.0, 0.0]]
    proposals.learn(torch.ones(1))
    assert not proposals.offsets().any()


def test_the_centre_moves_to_what_was_worth_most_and_stays_within_reach():
    proposals = Proposals(SPREAD, 2, step=0.2, reach=0.3)
    for _ in range(5):
        best = proposals.offsets()[:, 0].argmax()
        proposals.learn(torch.nn.functional.one_hot(best, 14).float())
    assert proposals.centre.tolist() == pytest.approx([0.15, 0.0, 0.0])
    assert (proposals.offsets().abs() <= 0.3 * SPREAD + 1e-6).all()
    assert not proposals.offsets()[0].any()
    proposals.reset()
    assert not proposals.offsets()[1].any()


def test_weights_that_are_all_zero_move_nothing():
    proposals = Proposals(SPREAD, 2, step=0.2, reach=1.0)
    proposals.learn(torch.zeros(14))
    assert not proposals.centre.any()


def test_the_search_starts_from_the_proposal_that_returns_most(small_model, architecture):
    planner = make_planner(
        small_model, num_command_steps=2, command_step=0.5, inverse_temperature=1e6
    )
    observation = observe(architecture)
    offset = planner.proposals.offsets()[5].clone()
    wanted = told(small_model, observation, offset)
    prefer(small_model, wanted)
    with seen_by(small_model) as asked:
        plan = planner.plan(observation)
    assert len(asked[0]) == 14
    np.testing.assert_allclose(asked[0][5], wanted, atol=1e-5)
    np.testing.assert_allclose(asked[1][0], wanted, atol=1e-5)  # the mean of the first iteration
    assert plan.source is Source.MPPI
    assert plan.gain > 0.0
    assert planner.proposals.centre.tolist() == pytest.approx(offset.tolist(), abs=1e-5)


def test_the_next_tick_asks_around_what_was_best(small_model, architecture):
    planner = make_planner(small_model, num_command_steps=2, command_step=0.5, command_reach=2.0)
    planner.plan(observe(architecture))
    centre = planner.proposals.centre.clone()
    assert centre.any()
    assert torch.equal(planner.proposals.offsets()[1], centre)
    planner.reset()
    assert not planner.proposals.centre.any()


def test_the_policy_alone_is_asked_for_what_is_wanted_alone(small_model, architecture):
    planner = make_planner(small_model, num_command_steps=2, command_step=0.5, num_iterations=0)
    observation = observe(architecture)
    with seen_by(small_model) as asked:
        plan = planner.plan(observation)
    assert not asked
    np.testing.assert_allclose(actions(plan), prior_of(small_model, observation), atol=1e-6)


def test_proposals_without_finite_returns_leave_the_prior(small_model, architecture):
    planner = make_planner(small_model, num_command_steps=2, command_step=0.5)
    predict = small_model.predict

    def broken(memory, candidates):
        latents = predict(memory, candidates)
        return latents * torch.nan if len(candidates) == 14 else latents

    small_model.predict = broken
    observation = observe(architecture)
    with seen_by(small_model) as asked:
        planner.plan(observation)
    np.testing.assert_allclose(asked[1][0], prior_of(small_model, observation), atol=1e-6)
    assert not planner.proposals.centre.any()


@pytest.mark.parametrize('changes', [{'command_step': 0.0}, {'command_reach': 9.0}])
def test_steps_and_reach_have_limits(changes):
    with pytest.raises(ConfigError, match=next(iter(changes))):
        MppiSettings(**changes)
