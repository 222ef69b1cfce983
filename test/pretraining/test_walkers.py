"""What is kept of a walk in the collection: executed actions, values, whose step it was."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from simdist_ros.pretraining.collect.walkers import Walkers
from simdist_ros.pretraining.expert.files import save_networks
from simdist_ros.pretraining.expert.networks import (
    Actor,
    Critic,
    actor_input,
    critic_input,
    to_tensor,
)
from simdist_ros.pretraining.presets import COLLECT_PRESETS

STEPS, ROBOTS = 12, 8
SETTINGS = dataclasses.replace(
    COLLECT_PRESETS['smoke'],
    num_robots=ROBOTS,
    shard_steps=STEPS * ROBOTS,
    episode_steps=9,
    noise_low=0.3,
    noise_high=0.6,
    never_noised=0.0,
)


@pytest.fixture(scope='module')
def experts(tmp_path_factory, go2):
    """Save an expert and two earlier policies, each with an opinion of its own."""
    from simdist_ros.pretraining.recipe import load_recipe

    folder, recipe = tmp_path_factory.mktemp('expert'), load_recipe(go2)
    (folder / 'policies').mkdir()
    generator = torch.manual_seed(0)
    for path in ('expert.safetensors', 'policies/1.safetensors', 'policies/2.safetensors'):
        actor, critic = Actor(go2, recipe), Critic(go2, recipe)
        with torch.no_grad():
            for parameter in [*actor.parameters(), *critic.parameters()]:
                parameter += 0.05 * torch.randn(parameter.shape, generator=generator)
        is_expert = path.startswith('expert')
        save_networks(folder / path, actor, critic if is_expert else None, {'robot': 'go2'})
    return folder


@pytest.fixture
def walkers(go2, experts):
    walkers = Walkers(go2, experts, SETTINGS, 0)
    walkers.noise.left[:4] = 2  # noisy from the third step on, wandering from the fourth
    walkers.wandering.left[2:6] = 3
    return walkers


@pytest.fixture
def walked(walkers, monkeypatch):
    """Walk a part; return its episodes and, by name, what happened in each step."""
    happened = []
    real_noise, real_wander = walkers.noise.next, walkers.wandering.next
    real_act, real_step = walkers.act, walkers.env.step

    def wander(command):
        walked, is_off = real_wander(command)
        happened.append({'told': command, 'walked': walked, 'is_off': is_off})
        return walked, is_off

    def act(observation):
        action = real_act(observation)
        chosen = walkers.chosen.copy()
        happened[-1].update(action=action, chosen=chosen, before=observation)
        return action

    def noise(size):
        drawn, is_noisy = real_noise(size)
        happened[-1].update(noise=drawn, is_noisy=is_noisy)
        return drawn, is_noisy

    def step(action):
        result = real_step(action)
        happened[-1].update(given=action, result=result)
        return result

    monkeypatch.setattr(walkers.wandering, 'next', wander)
    monkeypatch.setattr(walkers, 'act', act)
    monkeypatch.setattr(walkers.noise, 'next', noise)
    monkeypatch.setattr(walkers.env, 'step', step)
    walkers.env.state[7, 4:8] = [0.0, 1.0, 0.0, 0.0]  # on its back: it falls at once
    return list(walkers.episodes()), happened


def cuts(happened):
    """Yield robot, first step and end of each episode, in the order in which they ended."""
    first = np.zeros(ROBOTS, dtype=int)
    for t, now in enumerate(happened):
        ended = now['result'].terminated | now['result'].truncated
        assert not now['result'].diverged.any()
        for robot in np.flatnonzero(ended):
            yield robot, first[robot], t + 1
            first[robot] = t + 1
    for robot in np.flatnonzero(first < STEPS):
        yield robot, first[robot], STEPS


def test_noise_is_executed_where_it_is_due(walked):
    _, happened = walked
    noisy = np.array([now['is_noisy'] for now in happened])
    assert not noisy[:2].any()
    assert noisy[2, :4].all()
    for now in happened:
        np.testing.assert_allclose(now['given'], now['action'] + now['noise'], atol=1e-6)
        assert (np.abs(now['noise']).max(axis=1) > 0.0).tolist() == now['is_noisy'].tolist()
        np.testing.assert_array_equal(now['before'].command, now['walked'])


def test_kept_actions_rewards_and_values_are_those_of_their_step(walked, walkers):
    episodes, happened = walked
    found = list(cuts(happened))
    assert any(end - first == 1 for _, first, end in found)
    for episode, (robot, first, end) in zip(episodes, found, strict=True):
        results = [now['result'] for now in happened[first:end]]
        executed = [result.observation.last_action[robot] for result in results]
        np.testing.assert_allclose(episode.actions, executed, atol=1e-6)
        rewards = [max(0.0, float(result.reward[robot])) for result in results]
        np.testing.assert_allclose(episode.rewards, rewards, atol=1e-6)
        values = []
        for result in results:
            seen = to_tensor(result.observation, 'cpu')
            with torch.no_grad():
                value = walkers.critic(critic_input(seen), seen['extero_obs'])[robot]
            values.append(0.0 if result.terminated[robot] else float(value))
        np.testing.assert_allclose(episode.next_values, values, atol=1e-5)
        assert episode.terminated == results[-1].terminated[robot]
        seen = [now['before'].true_proprio_obs[robot] for now in happened[first:end]]
        seen.append(results[-1].observation.true_proprio_obs[robot])
        np.testing.assert_array_equal(episode.proprio_obs, seen)
        told = [now['told'][robot] for now in happened[first:end]]
        np.testing.assert_array_equal(episode.commands[:-1], told)  # not what it made of them


def test_only_undisturbed_steps_of_the_expert_count_as_the_expert_s(walked):
    episodes, happened = walked
    kinds = set()
    for episode, (robot, first, end) in zip(episodes, cuts(happened), strict=True):
        for t in range(first, end):
            now = happened[t]
            kind = now['chosen'][robot] == 0, now['is_noisy'][robot], now['is_off'][robot]
            assert episode.is_expert[t - first] == (kind == (True, False, False))
            kinds.add(tuple(map(bool, kind)))
    assert {(True, False, False), (True, True, False), (True, False, True)} <= kinds
    assert (False, False, False) in kinds


def test_each_robot_acts_by_its_own_policy_and_the_expert_has_its_share(walkers):
    walkers.chosen[:] = [0, 1, 2, 1, 0, 2, 2, 1]
    seen = to_tensor(walkers.env.observation, 'cpu')
    x, extero = actor_input(seen), seen['extero_obs']
    with torch.no_grad():
        each = np.array([actor(x, extero).numpy() for actor in walkers.actors])
    assert np.abs(each[1] - each[2]).max() > 1e-2
    expected = each[walkers.chosen, np.arange(ROBOTS)]
    np.testing.assert_allclose(walkers.act(walkers.env.observation), expected, atol=1e-6)


def test_share_of_the_expert_is_the_one_asked_for(go2, experts):
    walkers = Walkers(go2, experts, dataclasses.replace(SETTINGS, expert_share=0.25), 0)
    chosen = []
    walkers.env.reset = lambda who: None  # who walks is drawn without building the ground anew
    for _ in range(200):
        walkers.start(np.ones(ROBOTS, dtype=bool))
        chosen.append(walkers.chosen.copy())
    counts = np.bincount(np.concatenate(chosen), minlength=3) / (200 * ROBOTS)
    assert counts == pytest.approx([0.25, 0.375, 0.375], abs=0.05)
