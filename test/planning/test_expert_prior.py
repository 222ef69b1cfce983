"""The expert among the proposals: what it does now, then what the policy head does."""

from __future__ import annotations

import copy
import dataclasses

import numpy as np
import pytest
import safetensors.torch
import torch

from simdist_ros.core.errors import CheckpointError
from simdist_ros.planning.loading import load_planner
from simdist_ros.planning.plan import Source
from simdist_ros.planning.settings import MppiSettings
from simdist_ros.world_model.expert import Expert, expert_network
from simdist_ros.world_model.store.checkpoint import save_model

from .situations import actions, make_planner, observe, seen_by

ALONE = {'num_iterations': 0}


def random_expert(architecture, seed=2):
    torch.manual_seed(seed)
    network = expert_network(architecture, 2)
    return Expert(network.eval().requires_grad_(False), content=bytes([seed]))


@pytest.fixture
def model(small_model, architecture):
    small_model.expert = random_expert(architecture)
    return small_model


def ask(expert, observation, command=None, before=None):
    """Return the expert's own action, (A,), after another one."""
    wanted = observation.command if command is None else command
    return expert.act(
        observation.proprio_obs_hist[-1],
        observation.acts_hist[-1] if before is None else before,
        observation.extero_obs,
        torch.as_tensor(wanted)[None],
    )[0].numpy()


def test_without_a_search_the_first_action_is_the_experts_bit_for_bit(model, architecture):
    for step in range(3):
        observation = observe(architecture, step, seed=step)
        plan = make_planner(model, **ALONE).plan(observation)
        assert plan.source is Source.POLICY_PRIOR
        np.testing.assert_array_equal(plan.actions[0], ask(model.expert, observation))


def test_after_it_the_plan_goes_on_as_the_policy_head_does(model, architecture):
    observation = observe(architecture)
    led, head = (
        actions(make_planner(model, **ALONE, uses_expert=uses).plan(observation))
        for uses in (True, False)
    )
    np.testing.assert_array_equal(led[1:], head[1:])
    assert (led[0] != head[0]).all()


def test_every_proposal_begins_with_what_the_expert_does_for_its_command(model, architecture):
    planner = make_planner(model, num_command_steps=1)
    observation = observe(architecture)
    proposals = planner.observe(observation)
    wanted = torch.tensor(observation.command)
    offsets = planner.proposals.offsets(wanted)
    assert len(proposals) == len(offsets) == 4
    for proposal, offset in zip(proposals, offsets, strict=True):
        expected = ask(model.expert, observation, wanted + offset)
        torch.testing.assert_close(proposal[0], torch.from_numpy(expected))


def test_a_plan_that_begins_later_adds_what_the_head_changes_until_then(model, architecture):
    committed = np.full((2, architecture.action_dim), 0.5)
    observation = observe(architecture, committed=committed)
    plan = make_planner(model, **ALONE, plan_delay_steps=2).plan(observation)
    now = make_planner(model, **ALONE, uses_expert=False)
    head = now.plan(observe(architecture)).actions
    expected = ask(model.expert, observation) + (head[2] - head[0])
    np.testing.assert_allclose(plan.actions[0], expected, rtol=1e-6)
    np.testing.assert_array_equal(plan.actions[1:], head[3:])


def test_with_a_delay_each_proposal_adds_what_the_head_changes_for_its_own_command(
    model, architecture
):
    observation = observe(architecture, committed=np.zeros((2, architecture.action_dim)))
    changes = {'num_command_steps': 1, 'command_step': 1.0, 'command_reach': 1.0}
    planner = make_planner(model, plan_delay_steps=2, **changes)
    led = planner.observe(observation)
    head = make_planner(model, uses_expert=False, **changes).observe(observation)
    wanted = torch.tensor(observation.command)
    offsets = planner.proposals.offsets(wanted)
    assert not torch.allclose(head[1, 2] - head[1, 0], head[0, 2] - head[0, 0], rtol=1e-3)
    for place, offset in enumerate(offsets):
        first = torch.from_numpy(ask(model.expert, observation, wanted + offset))
        torch.testing.assert_close(led[place, 2], first + (head[place, 2] - head[place, 0]))


def test_with_a_delay_what_is_left_of_the_last_plan_has_the_experts_action_where_it_begins(
    model, architecture
):
    delay = 2
    planner = make_planner(model, plan_delay_steps=delay, prior_pull=0.0)
    committed = np.zeros((delay, architecture.action_dim))
    planner.plan(observe(architecture, 0, committed=committed))
    with seen_by(model) as asked:
        planner.plan(observe(architecture, 1, seed=1, committed=committed))
    prior, warm = asked[0]
    torch.testing.assert_close(warm[delay], prior[delay])
    assert (warm[delay + 1] - prior[delay + 1]).abs().max() > 1e-4


@pytest.mark.parametrize(('known', 'delay'), [(1, 0), (1, 1), (1, 2), (2, 2)])
def test_an_expert_that_knows_the_delay_is_shown_what_is_decided_already(
    model, architecture, known, delay
):
    model.expert.plan_delay_steps = known
    decided = np.arange(3 * architecture.action_dim).reshape(3, -1) / 10.0
    observation = observe(architecture, committed=decided[:delay])
    plan = make_planner(model, **ALONE, plan_delay_steps=delay).plan(observation)
    answered = min(known, delay)
    before = observation.committed[answered - 1] if answered else observation.acts_hist[-1]
    head = make_planner(model, **ALONE, uses_expert=False).plan(observe(architecture)).actions
    expected = ask(model.expert, observation, before=before) + (head[delay] - head[answered])
    np.testing.assert_allclose(plan.actions[0], expected, rtol=1e-5)


def test_a_model_without_an_expert_plans_as_with_it_left_out(model, architecture):
    bare = copy.deepcopy(model)
    bare.expert = None
    without, left_out = make_planner(bare), make_planner(model, uses_expert=False)
    for step in range(3):
        observation = observe(architecture, step, seed=step)
        np.testing.assert_array_equal(
            actions(without.plan(observation)), actions(left_out.plan(observation))
        )


def test_other_dynamics_leave_the_expert_as_it_is(model, architecture):
    planner, observation = make_planner(model, **ALONE), observe(architecture)
    before = planner.plan(observation)
    other = copy.deepcopy(model)
    with torch.no_grad():
        next(other.dynamics.parameters()).add_(1.0)
    planner.swap(planner.backend.prepare(other))
    np.testing.assert_array_equal(before.actions, planner.plan(observation).actions)


def test_another_expert_is_swapped_in_where_the_model_lets_it(model, architecture):
    planner, other = make_planner(model, **ALONE), copy.deepcopy(model)
    other.expert = random_expert(architecture, seed=5)
    with pytest.raises(CheckpointError, match=r'expert of the new model is not .* in use'):
        planner.backend.prepare(other, ('dynamics',))
    observation = observe(architecture)
    before = planner.plan(observation)
    planner.swap(planner.backend.prepare(other))
    low, high = model.normalizer.action_low.numpy(), model.normalizer.action_high.numpy()
    expected = np.clip(ask(other.expert, observation), low, high)
    after = planner.plan(observation)
    np.testing.assert_allclose(after.actions[0], expected, rtol=1e-6)
    assert np.abs(after.actions[0] - before.actions[0]).max() > 1e-3


@pytest.mark.parametrize(('has_one', 'told'), [(False, 'no expert'), (True, 'an expert')])
def test_an_expert_is_neither_taken_away_nor_added_by_a_swap(model, has_one, told):
    other, present = copy.deepcopy(model), copy.deepcopy(model)
    (present if has_one else other).expert = None
    with pytest.raises(CheckpointError, match=f'the new model carries {told}'):
        make_planner(present).backend.prepare(other)


def test_what_is_left_of_the_last_plan_begins_with_the_experts_action_too(model, architecture):
    planner = make_planner(model, num_samples=0, num_policy_samples=0, num_iterations=1)
    for step in range(3):
        observation = observe(architecture, step, seed=step)
        plan = planner.plan(observation)
        low, high = model.normalizer.action_low.numpy(), model.normalizer.action_high.numpy()
        expected = np.clip(ask(model.expert, observation), low, high)
        np.testing.assert_allclose(plan.actions[0], expected, rtol=1e-6)


def test_the_log_says_that_the_expert_leads(model, robot, tmp_path):
    arrays = model.expert.network.state_dict()
    model.expert.content = safetensors.torch.save(
        {f'actor.{name}': x for name, x in arrays.items()}
    )
    save_model(tmp_path / 'm', model, robot='duo', created_by='a test')
    settings = MppiSettings(num_command_steps=0)
    led = load_planner(str(tmp_path / 'm'), robot, settings, seed=0)
    assert 'model m: 1 proposals led by its expert, 0 samples' in led.summary
    alone = dataclasses.replace(settings, uses_expert=False)
    assert 'led by' not in load_planner(str(tmp_path / 'm'), robot, alone, seed=0).summary
