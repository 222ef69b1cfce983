"""Asking the policy for velocities beside the one wanted."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from simdist_ros.core.errors import ConfigError
from simdist_ros.planning.plan import Source
from simdist_ros.planning.proposals import Proposals
from simdist_ros.planning.settings import MppiSettings

from .situations import actions, make_planner, observe, prefer, prior_of, seen_by

SPREAD = torch.tensor([0.5, 0.2, 1.0])


def told(model, observation, offset):
    """Return what the policy would do if it were told another command."""
    command = observation.command + np.asarray(offset, dtype=np.float32)
    return prior_of(model, dataclasses.replace(observation, command=command))


FORWARD = torch.tensor([1.0, 0.0, 0.0])  # two spreads


def proposals(num_steps=2, step=0.2, reach=1.0, penalty=0.0, settling=0, command=FORWARD):
    found = Proposals(
        SPREAD, num_steps, step=step, reach=reach, penalty=penalty, settling=settling
    )
    found.note_command(command, 0)
    return found


def test_what_is_wanted_is_first_then_less_and_more_of_it():
    offsets = proposals(step=0.1).offsets(FORWARD)
    assert offsets.shape == (6, 3)
    assert offsets[:, 0].tolist() == pytest.approx([0.0, -0.1, -0.05, 0.0, 0.05, 0.1])
    assert not offsets[:, 1:].any()


def test_more_of_a_command_is_more_in_its_direction_as_far_as_commands_are_spread():
    command = torch.tensor([0.5, -0.2, 0.0])  # one spread in each
    more = proposals(num_steps=1, step=0.5, command=command).offsets(command)[-1]
    assert (more / command)[:2].tolist() == pytest.approx([0.5**1.5, 0.5**1.5])
    assert float((more / SPREAD).norm()) == pytest.approx(0.5)


def test_there_is_no_more_of_standing_still():
    asked = proposals(command=torch.zeros(3)).offsets(torch.zeros(3))
    assert asked.shape == (6, 3)
    assert not asked.any()


def test_without_a_step_nothing_else_is_asked_for():
    alone = proposals(num_steps=0)
    assert alone.count == 1
    assert alone.offsets(torch.ones(3)).tolist() == [[0.0, 0.0, 0.0]]
    assert alone.penalties().tolist() == [0.0]
    alone.learn(torch.ones(1))
    assert alone.centre == 0.0


def test_the_centre_moves_to_what_was_worth_most_and_stays_within_reach():
    near = proposals(step=0.2, reach=0.3)
    for _ in range(5):
        near.learn(torch.nn.functional.one_hot(torch.tensor(5), 6).float())
    assert near.centre == pytest.approx(0.3)
    assert (near.near().abs() <= 0.3).all()
    near.reset()
    assert near.centre == 0.0


def test_what_was_wanted_does_not_draw_the_centre_back():
    near = proposals(step=0.2)
    near.learn(torch.tensor([9.0, 0.0, 0.0, 0.0, 1.0, 1.0]))
    assert near.centre == pytest.approx(0.3)


def test_the_penalty_of_a_command_is_the_square_of_its_distance():
    dear = proposals(num_steps=1, step=0.5, penalty=0.4)
    assert dear.penalties().tolist() == pytest.approx([0.0, 0.1, 0.0, 0.1])


@pytest.mark.parametrize('changed', [None, 30])
def test_after_another_command_only_what_is_wanted_is_asked_for(changed):
    near, command = proposals(settling=10), FORWARD
    asked = []
    for step in range(50):
        if step == changed:
            command = torch.tensor([0.5, 0.0, 0.0])
        near.note_command(command, step)
        asked.append(bool(near.offsets(command).any()))
        near.learn(torch.tensor([0.0, 0.0, 0.0, 0.0, 0.0, 1.0]))
    calm = set(range(10)) | (set(range(30, 40)) if changed else set())
    assert [not one for one in asked] == [step in calm for step in range(50)]


def test_a_command_that_trembles_is_the_same():
    near = proposals(settling=10)
    for step in range(20):
        is_settled = near.note_command(FORWARD * (1.0 + 0.02 * (-1) ** step), step)
    assert is_settled


def test_a_command_that_steers_settles_and_one_that_swings_does_not():
    def last_settled(rate):
        near = proposals(settling=10)
        return [
            near.note_command(FORWARD + rate(step) * torch.tensor([0.0, 0.0, 1.0]), step)
            for step in range(60)
        ][20:]

    assert all(last_settled(lambda step: 0.01 * step))  # 0.1 of a spread in the settling time
    assert all(last_settled(lambda step: 0.2 * math.sin(step / 5)))
    assert not any(last_settled(lambda step: 0.8 * (-1) ** (step // 5)))


def test_less_of_a_small_command_is_not_the_opposite():
    command = torch.tensor([0.05, 0.0, 0.0])
    asked = command + proposals(command=command).offsets(command)
    assert asked[:, 0].min() >= 0.0
    assert asked[:, 0].max() == pytest.approx(0.1)


def test_another_command_begins_anew_though_nothing_is_waited_for():
    near = proposals()
    near.learn(torch.tensor([0.0, 0.0, 0.0, 0.0, 0.0, 1.0]))
    assert near.centre
    assert not near.note_command(-FORWARD, 1)
    assert near.centre == 0.0
    assert near.note_command(-FORWARD, 2)


def test_a_number_that_never_varied_divides_by_nothing():
    odd = Proposals(torch.tensor([0.5, 0.0, 1.0]), 1, 0.2, 1.0, 0.0, settling=0)
    odd.note_command(FORWARD, 0)
    assert torch.isfinite(odd.offsets(FORWARD)).all()


def test_weights_that_are_all_zero_move_nothing():
    near = proposals()
    near.learn(torch.zeros(6))
    assert near.centre == 0.0


def test_the_search_starts_from_the_proposal_that_returns_most(small_model, architecture):
    planner = make_planner(
        small_model,
        num_command_steps=2,
        command_step=0.2,
        command_penalty=0.0,
        inverse_temperature=1e6,
    )
    observation = observe(architecture)
    command = torch.tensor(observation.command)
    planner.proposals.note_command(command, 0)
    offset = planner.proposals.offsets(command)[4].clone()
    wanted = told(small_model, observation, offset)
    prefer(small_model, wanted)
    with seen_by(small_model) as asked:
        plan = planner.plan(observation)
    assert len(asked[0]) == 6
    np.testing.assert_allclose(asked[0][4], wanted, atol=1e-5)
    np.testing.assert_allclose(asked[1][0], wanted, atol=1e-5)  # the mean of the first iteration
    assert plan.source is Source.MPPI
    assert plan.gain > 0.0
    assert planner.proposals.centre == pytest.approx(0.2)


def test_the_next_tick_asks_around_what_was_best(small_model, architecture):
    planner = make_planner(small_model, num_command_steps=2, command_step=0.5, command_reach=2.0)
    planner.plan(observe(architecture))
    centre = planner.proposals.centre
    assert centre
    assert float(planner.proposals.near()[2]) == pytest.approx(centre)
    planner.reset()
    assert not planner.proposals.centre


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
        return latents * torch.nan if len(candidates) == 6 else latents

    small_model.predict = broken
    observation = observe(architecture)
    with seen_by(small_model) as asked:
        planner.plan(observation)
    np.testing.assert_allclose(asked[1][0], prior_of(small_model, observation), atol=1e-6)
    assert not planner.proposals.centre


def test_a_command_with_a_large_penalty_is_not_planned_for_a_small_gain(small_model, architecture):
    def centre(penalty):
        planner = make_planner(
            small_model, num_command_steps=1, command_step=0.4, command_penalty=penalty
        )
        planner.plan(observe(architecture))
        return planner.proposals.centre

    assert abs(centre(0.0)) > 1e-4
    assert abs(centre(100.0)) < 1e-6


@pytest.mark.parametrize('changes', [{'command_step': 0.0}, {'command_reach': 9.0}])
def test_steps_and_reach_have_limits(changes):
    with pytest.raises(ConfigError, match=next(iter(changes))):
        MppiSettings(**changes)
