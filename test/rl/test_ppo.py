"""Learning from experience: a known best action, ratios and divergences by hand, the mirror."""

import dataclasses
import math

import pytest
import torch

from simdist_ros.pretraining.expert.networks import make_ppo
from simdist_ros.rl.ppo import (
    Experience,
    PpoSettings,
    divergence,
    generalised_advantages,
    log_prob,
)

SETTINGS = PpoSettings(epochs=2, minibatches=2, entropy=0.0, rate=2e-3)
STEPS, ROBOTS = 8, 64


@pytest.fixture
def ppo(go2, recipe):
    return make_ppo(go2, recipe, SETTINGS, seed=0)


def experience_of(ppo, worth):
    """Let robots act once in random states; `worth` says what actions, (T, N, J), earn."""
    generator = torch.Generator().manual_seed(1)

    def draw(size):
        return torch.randn((STEPS, ROBOTS, size), generator=generator)

    x, truth = draw(len(ppo.mirrors.actor.index)), draw(len(ppo.mirrors.critic.index))
    extero = 0.1 * draw(len(ppo.mirrors.extero.index))
    action, mean, density = ppo.act(x.flatten(0, 1), extero.flatten(0, 1))
    shape = STEPS, ROBOTS, -1
    action = action.view(shape)
    ended = torch.ones(STEPS, ROBOTS, dtype=torch.bool)  # what is earned is all there is
    return Experience(
        actor=x,
        critic=truth,
        extero=extero,
        action=action,
        mean=mean.view(shape),
        log_prob=density.view(STEPS, ROBOTS),
        value=torch.zeros(STEPS + 1, ROBOTS),
        reward=worth(action),
        ended=ended,
    )


def mean_action(ppo, experience):
    with torch.no_grad():
        return ppo.actor(experience.actor.flatten(0, 1), experience.extero.flatten(0, 1))


@pytest.mark.parametrize('sign', [1.0, -1.0])
def test_actions_that_earn_more_become_more_likely(ppo, sign):
    calves = [2, 5, 8, 11]  # which the mirror exchanges without a sign

    def worth(action):
        return sign * action[..., calves].sum(-1)

    experience = experience_of(ppo, worth)
    before = mean_action(ppo, experience)[:, calves].mean()
    for _ in range(3):
        ppo.update(experience_of(ppo, worth))
    moved = mean_action(ppo, experience)[:, calves].mean() - before
    assert sign * moved > 0.03


def test_a_policy_comes_to_the_action_that_earns_most(ppo):
    wanted = torch.full((12,), 0.4)
    wanted[[0, 3, 6, 9]] = 0.0

    def worth(action):
        return -(action - wanted).square().sum(-1)

    def earned():
        return -(mean_action(ppo, start) - wanted).square().sum(-1).mean()

    start = experience_of(ppo, worth)
    first = earned()
    for _ in range(12):
        ppo.update(experience_of(ppo, worth))
    assert earned() > first + 0.15


def test_the_critic_learns_what_was_earned(ppo):
    """What it took a state for so far, here another value at each step, has no part in it."""
    believed = 10.0 * torch.arange(STEPS + 1.0)[:, None].expand(-1, ROBOTS)
    for _ in range(30):
        experience = experience_of(ppo, lambda action: torch.full(action.shape[:2], 3.0))
        ppo.update(dataclasses.replace(experience, value=believed))
    experience = experience_of(ppo, lambda action: action[..., 0])
    with torch.no_grad():
        value = ppo.critic(experience.critic[0], experience.extero[0])
    assert value.mean().item() == pytest.approx(3.0, abs=0.7)


def test_a_gaussian_density_by_hand():
    std = torch.tensor([0.5, 2.0])
    found = log_prob(torch.tensor([[1.0, 3.0]]), torch.tensor([[0.5, 1.0]]), std)
    # 0.5 * (1 + 1), and the logarithms of the two deviations cancel.
    assert found.item() == pytest.approx(-1.0)
    narrow = log_prob(torch.zeros(1, 2), torch.zeros(1, 2), torch.tensor([0.5, 0.5]))
    assert narrow.item() == pytest.approx(2.0 * math.log(2.0))


def test_a_divergence_by_hand_and_the_library_s():
    old_mean, mean = torch.tensor([[0.0, 1.0]]), torch.tensor([[0.5, 1.0]])
    old_std, std = torch.tensor([1.0, 0.5]), torch.tensor([2.0, 0.5])
    by_hand = math.log(2.0) + (1.0 + 0.25) / 8.0 - 0.5
    assert divergence(old_mean, old_std, mean, std) == pytest.approx(by_hand)
    normal = torch.distributions.Normal
    known = torch.distributions.kl_divergence(normal(old_mean, old_std), normal(mean, std))
    assert divergence(old_mean, old_std, mean, std) == pytest.approx(known.sum().item())
    assert divergence(mean, std, mean, std) == pytest.approx(0.0)


def test_the_divergence_of_an_update_is_that_of_its_own_policy(ppo):
    experience = experience_of(ppo, lambda action: action[..., 2])
    old_std = ppo.actor.std().detach().clone()
    flat = flat_of(experience)
    _, _, first = ppo.gradient_step(flat, torch.arange(STEPS * ROBOTS), old_std)
    assert first == pytest.approx(0.0, abs=1e-6)  # nothing was learned before it
    _, _, second = ppo.gradient_step(flat, torch.arange(STEPS * ROBOTS), old_std)
    assert second > 1e-4


def flat_of(experience):
    names = ('actor', 'critic', 'extero', 'action', 'mean', 'log_prob')
    flat = {name: getattr(experience, name).flatten(0, 1) for name in names}
    return {
        **flat,
        'advantage': experience.reward.flatten(),
        'returns': experience.reward.flatten(),
    }


def test_an_action_that_is_already_likely_enough_is_pushed_no_further(ppo):
    """Beyond 1 + clip a good action's ratio gives no gradient; a bad one's still does."""
    experience = experience_of(ppo, lambda action: torch.ones(action.shape[:2]))
    flat = flat_of(experience)
    flat['log_prob'] = flat['log_prob'] - 1.0  # every ratio is e
    ppo.mirrors = None
    everything = torch.arange(STEPS * ROBOTS)
    surrogate, _, _ = ppo.gradient_step(flat, everything, ppo.actor.std().detach())
    assert surrogate == pytest.approx(-(1.0 + SETTINGS.clip), abs=1e-4)
    flat['advantage'] = -flat['advantage']
    surrogate, _, _ = ppo.gradient_step(flat, everything, ppo.actor.std().detach())
    assert surrogate > 1.0 + 2.0 * SETTINGS.clip


def test_half_of_a_batch_is_seen_in_the_mirror_actions_and_all(ppo, go2):
    """A hip that swings out on one side only: its mirror image swings in on the other."""
    experience = experience_of(ppo, lambda action: action[..., 0])
    seen = {}
    names = ('actor', 'critic', 'extero', 'action')
    for name in names:
        mirror = getattr(ppo.mirrors, name)

        def noted(x, name=name, mirror=mirror):
            seen[name] = len(x)
            return mirror(x)

        ppo.mirrors = dataclasses.replace(ppo.mirrors, **{name: noted})
    ppo.gradient_step(flat_of(experience), torch.arange(100), ppo.actor.std().detach())
    assert seen == dict.fromkeys(names, 50)


def test_what_one_hip_earns_teaches_the_other_its_mirror_image(ppo, go2):
    right, left = go2.joint_names.index('FR_hip_joint'), go2.joint_names.index('FL_hip_joint')
    experience = experience_of(ppo, lambda action: action[..., right])
    before = mean_action(ppo, experience).mean(0)
    for _ in range(3):
        ppo.update(experience_of(ppo, lambda action: action[..., right]))
    moved = mean_action(ppo, experience).mean(0) - before
    assert moved[right] > 0.01
    assert moved[left] < -0.01


def test_an_episode_s_end_keeps_the_next_episode_s_rewards_out():
    reward = torch.tensor([[1.0], [0.0], [100.0]])
    value = torch.tensor([[0.0], [0.0], [50.0], [0.0]])
    ended = torch.tensor([[False], [True], [False]])
    found = generalised_advantages(reward, value, ended, 0.9, 0.9).flatten().tolist()
    assert found == pytest.approx([1.0, 0.0, 50.0])


def test_robots_of_a_batch_have_advantages_of_their_own():
    reward = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    ended = torch.tensor([[True, False], [False, True]])
    found = generalised_advantages(reward, torch.zeros(3, 2), ended, 0.5, 1.0)
    assert found.tolist() == [[1.0, 1.0], [0.0, 2.0]]


def test_more_entropy_is_kept_where_it_is_paid_for(go2, recipe):
    deviations = []
    for entropy in (0.0, 1.0):
        ppo = make_ppo(go2, recipe, dataclasses.replace(SETTINGS, entropy=entropy), seed=0)
        for _ in range(3):
            ppo.update(experience_of(ppo, lambda action: -action.square().sum(-1)))
        deviations.append(ppo.mean_std())
    assert deviations[1] > deviations[0] + 0.005


def test_a_longer_trace_trusts_the_rewards_and_a_short_one_the_next_value():
    reward = torch.tensor([[1.0], [2.0], [4.0]])
    value = torch.tensor([[3.0], [5.0], [7.0], [11.0]])
    goes_on = torch.zeros(3, 1, dtype=torch.bool)
    one_step = generalised_advantages(reward, value, goes_on, 0.5, 0.0).flatten().tolist()
    assert one_step == pytest.approx([1 + 2.5 - 3, 2 + 3.5 - 5, 4 + 5.5 - 7])
    whole = generalised_advantages(reward, value, goes_on, 0.5, 1.0).flatten().tolist()
    assert whole == pytest.approx([1 + 1 + 1 + 11 / 8 - 3, 2 + 2 + 11 / 4 - 5, 4 + 5.5 - 7])


def test_actions_are_drawn_about_the_mean_with_the_deviation_of_the_policy(ppo):
    x = torch.zeros(4000, len(ppo.mirrors.actor.index))
    extero = torch.zeros(4000, len(ppo.mirrors.extero.index))
    action, mean, density = ppo.act(x, extero)
    std = ppo.actor.std().detach()
    torch.testing.assert_close((action - mean).std(0), std, rtol=0.1, atol=0.0)
    assert (action - mean).mean(0).abs().max() < 0.06
    torch.testing.assert_close(density, log_prob(action, mean, std))
    again, *_ = ppo.act(x, extero)
    assert not torch.equal(action, again)


def test_the_deviation_of_the_policy_stays_within_its_bounds(ppo):
    """However well it pays, exploration neither ends nor grows without bound."""
    for start, pay in ((math.log(0.081), -1.0), (math.log(1.49), 1.0)):
        with torch.no_grad():
            ppo.actor.log_std.fill_(start)
        for group in ppo.optimizer.param_groups:
            group['lr'] = 0.1
        ppo.rate = 0.1
        ppo.update(experience_of(ppo, lambda action, pay=pay: pay * action.square().sum(-1)))
        std = ppo.actor.std()
        assert 0.0799 < std.min() <= std.max() < 1.501


def test_the_rate_follows_the_divergence_of_the_last_pass(ppo):
    kl = iter([0.0] * SETTINGS.minibatches + [1.0] * SETTINGS.minibatches)
    ppo.gradient_step = lambda *_: (0.0, 0.0, next(kl))
    ppo.update(experience_of(ppo, lambda action: action[..., 0]))
    assert ppo.rate == pytest.approx(SETTINGS.rate / 1.2)


def test_all_experience_is_used_once_in_each_pass(ppo):
    seen = []
    real = ppo.gradient_step

    def noted(flat, index, old_std):
        seen.append(index)
        return real(flat, index, old_std)

    ppo.gradient_step = noted
    ppo.update(experience_of(ppo, lambda action: action[..., 0]))
    assert len(seen) == SETTINGS.epochs * SETTINGS.minibatches
    passes = torch.cat(seen).view(SETTINGS.epochs, -1)
    assert passes.shape[1] == STEPS * ROBOTS
    for one in passes:
        assert sorted(one.tolist()) == list(range(STEPS * ROBOTS))
    assert not torch.equal(passes[0], passes[1])
