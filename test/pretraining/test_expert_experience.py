"""What the expert learns from: each step's values, rewards and ends are its own."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from simdist_ros.pretraining.expert.networks import critic_input, to_tensor
from simdist_ros.pretraining.expert.training import ExpertTraining
from simdist_ros.pretraining.presets import EXPERT_PRESETS

STEPS = 6
SETTINGS = dataclasses.replace(
    EXPERT_PRESETS['smoke'],
    num_robots=5,
    horizon_steps=STEPS,
    total_steps=60,
    episode_steps=20,
    discount=0.9,
)


@pytest.fixture
def walked(tmp_path, go2, recipe, monkeypatch):
    """Walk once: robot 0 falls in the first step, robot 1 runs out of time in the third."""
    training = ExpertTraining(go2, recipe, SETTINGS, tmp_path)
    with torch.no_grad():  # at first the critic says next to nothing
        for parameter in training.ppo.critic.parameters():
            parameter += 0.05 * torch.randn(parameter.shape, generator=torch.manual_seed(0))
    env, taken = training.env, []
    env.steps[:] = 0
    env.state[0, 4:8] = [0.0, 1.0, 0.0, 0.0]  # on its back
    env.steps[1] = SETTINGS.episode_steps - 3
    real = env.step

    def step(action):
        before = env.observation
        result = real(action)
        taken.append((before, action, result))
        return result

    monkeypatch.setattr(env, 'step', step)
    experience, metrics = training.walk()
    return training, taken, experience, metrics


def value_of(training, observation):
    seen = to_tensor(observation, 'cpu')
    with torch.no_grad():
        return training.ppo.critic(critic_input(seen), seen['extero_obs'])


def test_a_fall_is_worth_nothing_more_and_a_cut_off_episode_what_it_would_have_been(walked):
    training, taken, experience, metrics = walked
    assert taken[0][2].terminated[0]
    assert taken[2][2].truncated[1]
    for t, (_, _, result) in enumerate(taken):
        ahead = 0.9 * value_of(training, result.observation)
        expected = torch.from_numpy(result.reward) + torch.where(
            torch.from_numpy(result.truncated), ahead, 0.0
        )
        torch.testing.assert_close(experience.reward[t], expected)
        ended = result.terminated | result.truncated | result.diverged
        assert experience.ended[t].tolist() == ended.tolist()
    assert abs(float(experience.reward[2, 1] - taken[2][2].reward[1])) > 1e-3
    fallen = sum(int(result.terminated.sum()) for _, _, result in taken)
    ended = fallen + sum(int(result.truncated.sum()) for _, _, result in taken)
    assert metrics['falls'] == pytest.approx(fallen / ended)


def test_values_actions_and_what_was_seen_are_of_the_state_before_the_step(walked):
    training, taken, experience, _ = walked
    assert experience.value.shape == (STEPS + 1, 5)
    for t, (before, action, _) in enumerate(taken):
        torch.testing.assert_close(experience.value[t], value_of(training, before))
        np.testing.assert_array_equal(experience.action[t].numpy(), action)
        np.testing.assert_array_equal(experience.extero[t].numpy(), before.extero_obs)
    last = value_of(training, training.env.observation)
    torch.testing.assert_close(experience.value[STEPS], last)


def test_who_has_ended_begins_anew(walked):
    training, *_ = walked
    assert training.env.steps.tolist()[:2] == [STEPS - 1, STEPS - 3]


@pytest.mark.parametrize(
    ('num_steps', 'penalties', 'commands'), [(0, 0.3, 0.5), (500, 0.65, 0.75), (3000, 1.0, 1.0)]
)
def test_penalties_and_commands_grow_to_their_full_size(
    tmp_path, go2, recipe, num_steps, penalties, commands
):
    training = ExpertTraining(go2, recipe, SETTINGS, tmp_path)
    training.num_steps = num_steps
    training.iterate()
    assert training.env.penalty_scale == pytest.approx(penalties)
    assert training.env.command_scale == pytest.approx(commands)
    assert training.num_steps == num_steps + 5 * STEPS
