"""Our parts make of the original's recorded draws what the original made of them.

The recording is one tick of the published planner: 64 samples and 3 noised policy proposals, 3
iterations, 16 elites, weights exp(0.25 (R - max)), population spread under the same weights and
no less than 0.05.
"""

from __future__ import annotations

import pytest
import torch

from simdist_ros.planning.mppi import improve
from simdist_ros.planning.settings import MppiSettings
from simdist_ros.world_model.returns import discounted_return

ITERATIONS = range(3)
GAMMA = 0.99
SETTINGS = MppiSettings(
    num_samples=62,  # and 3 proposals, mean and prior: the original's 67
    num_policy_samples=3,
    elite_fraction=16 / 67,
    inverse_temperature=0.25,
    gamma=GAMMA,
    min_std=0.05,
)


@pytest.fixture(scope='session')
def situation(published_model, golden):
    """Return the recorded tick's context and commands, (1, T + 1, C)."""
    names = ('proprio_obs_hist', 'acts_hist', 'extero_obs')
    with torch.inference_mode():
        context = published_model.encode(*(golden[f'in/{name}'][None] for name in names))
    return context, golden['in/fut_cmds'][None]


@pytest.fixture(scope='session')
def scores(published_model, situation):
    """Return a function from candidates to their rewards (K, T) and final values (K,)."""
    model, (context, commands) = published_model, situation
    with torch.inference_mode():
        memory = model.memory(context)

    @torch.inference_mode()
    def score(actions):
        latents = model.predict(memory, actions)
        rewards = model.rewards(context, latents, actions, commands)
        return rewards, model.final_value(latents, commands)

    return score


def test_the_settings_are_the_originals():
    assert (SETTINGS.num_candidates, SETTINGS.num_elites) == (67, 16)


@pytest.mark.parametrize('index', ITERATIONS)
def test_elites_weights_mean_and_spread_are_the_originals(golden, index):
    recorded = {name: golden[f'it{index}/{name}'] for name in ('acts', 'returns', 'score')}
    improved = improve(recorded['acts'], recorded['returns'], SETTINGS)
    torch.testing.assert_close(improved.mean, golden[f'it{index}/mean_out'], rtol=0.0, atol=2e-6)
    torch.testing.assert_close(improved.std, golden[f'it{index}/std_out'], rtol=0.0, atol=2e-6)
    weights = recorded['score'] / recorded['score'].sum()  # theirs are not normalised
    assert improved.effective_samples == pytest.approx(float(1 / weights.square().sum()), rel=1e-5)
    elites = recorded['returns'][golden[f'it{index}/elite_idx'].long()]
    assert improved.elite_return == pytest.approx(float(weights @ elites), abs=1e-6)


def test_the_last_iteration_is_what_the_original_did(golden):
    last = improve(golden['it2/acts'], golden['it2/returns'], SETTINGS)
    torch.testing.assert_close(last.mean, golden['real_mean'], rtol=0.0, atol=2e-6)
    torch.testing.assert_close(last.std, golden['real_std'], rtol=0.0, atol=2e-6)


@pytest.mark.parametrize('index', ITERATIONS)
def test_samples_of_the_originals_noise_are_the_originals(golden, index):
    mean, std, noise = (golden[f'it{index}/{name}'] for name in ('mean_in', 'std_in', 'noise'))
    torch.testing.assert_close(
        mean + std * noise, golden[f'it{index}/acts'][:64], rtol=0.0, atol=1e-5
    )


@pytest.mark.parametrize('index', ITERATIONS)
def test_rewards_and_final_value_give_the_originals_returns(golden, scores, index):
    """The original has gamma^(T + 1) on the value of step T; given that, returns agree."""
    rewards, final_value = scores(golden[f'it{index}/acts'])
    returns = discounted_return(rewards, GAMMA * final_value, GAMMA)
    torch.testing.assert_close(returns, golden[f'it{index}/returns'], rtol=0.0, atol=1e-5)


@pytest.mark.parametrize('index', ITERATIONS)
def test_our_returns_differ_on_purpose_by_one_discount_of_the_value(golden, scores, index):
    """Ours has gamma^T, where that value stands."""
    rewards, final_value = scores(golden[f'it{index}/acts'])
    returns = discounted_return(rewards, final_value, GAMMA)
    difference = returns - golden[f'it{index}/returns']
    horizon = rewards.shape[1]
    expected = (GAMMA**horizon - GAMMA ** (horizon + 1)) * final_value
    torch.testing.assert_close(difference, expected, rtol=0.0, atol=1e-5)
    assert difference.abs().max() > 1e-3


def test_the_policy_prior_is_the_originals_proposal(published_model, situation, golden):
    with torch.inference_mode():
        prior = published_model.policy_prior(*situation)[0]
    torch.testing.assert_close(prior, golden['base_policy_actions'], rtol=0.0, atol=1e-4)
