"""The search as it ships: no noise on joints, the policy asked for a little more and less."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from simdist_ros.planning.plan import Source
from simdist_ros.planning.planner import Planner
from simdist_ros.planning.settings import MppiSettings

from .situations import make_planner, observe, prefer, prior_of

SETTLING = 2
DEFAULT = MppiSettings(
    num_command_steps=1, command_penalty=0.0, command_settling_steps=SETTLING, prior_pull=1.0
)


@pytest.fixture
def planner(small_model):
    return Planner(small_model, DEFAULT, torch.Generator().manual_seed(0))


def proposal(model, observation, offset):
    """Return what the policy does when told `offset` spreads more of the command."""
    _, spread = model.normalizer.statistics('commands')
    scaled = torch.tensor(observation.command) / spread
    more = (observation.command + offset * (spread * scaled / scaled.norm()).numpy()).astype(
        np.float32
    )
    return prior_of(model, dataclasses.replace(observation, command=more))


def test_no_noise_is_drawn_by_default():
    assert DEFAULT.num_drawn == 0
    assert MppiSettings().num_drawn == 0


@pytest.mark.parametrize('sign', [-1.0, 1.0])
def test_a_proposal_that_returns_more_is_the_plan_and_not_the_prior(
    small_model, architecture, planner, sign
):
    observation = observe(architecture)
    best = proposal(small_model, observation, sign * DEFAULT.command_step)
    prior = prior_of(small_model, observation)
    scale = 3e3 / float(np.square(best - prior).sum())
    prefer(small_model, best)
    rewards = small_model.rewards
    small_model.rewards = lambda *arguments: scale * rewards(*arguments)
    for step in range(SETTLING):
        planner.plan(dataclasses.replace(observation, step=step))
    plan = planner.plan(dataclasses.replace(observation, step=SETTLING))
    assert plan.source is Source.MPPI
    assert plan.num_iterations == 1
    assert plan.gain > 0.0
    np.testing.assert_allclose(plan.actions, best, atol=1e-4)
    assert np.abs(prior - best).max() > 1e-3


def test_proposals_that_return_less_leave_the_prior(small_model, architecture, planner):
    observation = observe(architecture)
    prior = prior_of(small_model, observation)
    prefer(small_model, prior)
    for step in range(SETTLING + 1):
        plan = planner.plan(dataclasses.replace(observation, step=step))
    np.testing.assert_allclose(plan.actions, prior, atol=1e-6)
    assert plan.gain == pytest.approx(0.0, abs=1e-6)


def test_a_trial_stays_within_the_trained_range(small_model, architecture):
    normalizer = small_model.normalizer
    observation = observe(architecture)
    prior = prior_of(small_model, observation)
    assert np.ptp(prior) > 1e-3
    middle = float(np.median(prior))
    low, high = middle - 1e-4, middle + 1e-4
    normalizer.action_low.fill_(low)
    normalizer.action_high.fill_(high)
    planner = make_planner(small_model, explore_share=0.9, explore_steps=1)
    tried = []
    for step in range(40):
        plan = planner.plan(dataclasses.replace(observation, step=step))
        if plan.source is Source.EXPLORATION:
            tried.append(plan.actions)
    assert tried
    for actions in tried:
        assert actions.min() >= np.float32(low)
        assert actions.max() <= np.float32(high)
