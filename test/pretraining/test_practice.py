"""Practice: whom an expert is trained on as, what it is told, and what comes of it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import safetensors.torch
import torch

from simdist_ros.pretraining.expert.files import load_actor, load_critic, save_networks
from simdist_ros.pretraining.expert.networks import Actor, Critic, belief_space
from simdist_ros.pretraining.expert.practice import (
    Practice,
    practice,
    practice_ground,
    practice_settings,
)
from simdist_ros.pretraining.recipe import load_recipe
from simdist_ros.sim.batch.known_robots import KnownRobots
from simdist_ros.world_model.store.verify import DELAY

SMALL = dataclasses.replace(practice_settings(96, 0), num_robots=8, horizon_steps=4)


@pytest.fixture(scope='module')
def space(go2):
    return belief_space(go2, load_recipe(go2))


@pytest.fixture(scope='module')
def told(space):
    told = np.zeros(space.size, np.float32)
    told[:12] = np.linspace(0.6, 1.4, 12)
    return told


@pytest.fixture(scope='module')
def before(go2, space, tmp_path_factory):
    recipe = load_recipe(go2)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        actor, critic = Actor(go2, recipe, space.size), Critic(go2, recipe, space.size)
        actor.belief[2].weight.data.normal_(0.0, 0.1)
    path = tmp_path_factory.mktemp('before') / 'expert.safetensors'
    save_networks(path, actor, critic, {'robot': go2.name}, plan_delay_steps=1)
    return path


@pytest.fixture
def make(go2, recipe, space, told, before):
    def make(folder, tells=told, **changes):
        known = KnownRobots(space=space, belief=1.2 * told, healthy_every=4)
        settings = dataclasses.replace(SMALL, **changes)
        return Practice(go2, recipe, settings, folder, before, known, tells, 1)

    return make


def test_all_are_told_the_same_and_the_critic_knows_who_is_healthy(make, tmp_path, told):
    one = make(tmp_path / 'a')
    for _ in range(2):
        x, known, _ = one.inputs(one.env.observation)
        assert torch.equal(x[:, -68:], torch.tensor(np.tile(told, (8, 1))))
        truth = np.tile(1.2 * told, (8, 1))
        truth[3::4] = 0.0
        torch.testing.assert_close(known[:, -68:], torch.tensor(truth), rtol=0, atol=1e-6)
        one.begin(np.ones(8, dtype=bool))


def test_it_begins_with_the_expert_and_its_critic(make, tmp_path, go2, recipe, before):
    one = make(tmp_path / 'a')
    for network, load in ((one.ppo.actor, load_actor), (one.ppo.critic, load_critic)):
        expected = load(before, go2, recipe).state_dict()
        for name, value in network.state_dict().items():
            assert torch.equal(value, expected[name])


def test_what_it_is_told_decides_about_the_mirror(make, tmp_path, told):
    """Told nothing, a robot and its mirror image would be asked for the same."""
    assert make(tmp_path / 'a').ppo.mirrors is not None
    assert make(tmp_path / 'b', tells=np.zeros_like(told)).ppo.mirrors is None


def test_ground_is_level_without_other_faults_and_plans_may_begin_late(recipe, make, tmp_path):
    ground = practice_ground(recipe, 1)
    assert (ground.terrain.slope_deg, ground.terrain.rough_share) == (0.0, 0.0)
    assert ground.randomisation.fault_share == 0.0
    assert ground.randomisation.friction_low == recipe.faulty_randomisation.friction_low
    assert practice_ground(recipe, 0).randomisation.plan_delay_steps == 0
    env = make(tmp_path / 'a', num_robots=32).env
    assert (env.parameters['up'] == [0.0, 0.0, 1.0]).all()
    assert set(env.plan_delay) == {0, 1}


def test_it_learns_tells_how_far_it_is_and_writes_an_expert(make, tmp_path, go2, recipe, before):
    said, after = [], tmp_path / 'after.safetensors'
    one = make(tmp_path / 'a')
    metrics = practice(one, after, said.append)
    assert one.num_steps == 96
    assert f'reward {metrics["reward"] / 0.02:.2f} a second, ' in said[-1]
    assert [line.split(':')[0] for line in said] == [
        'practice step 32 of 96',
        'practice step 64 of 96',
        'practice step 96 of 96',
    ]
    old, new = (load_actor(path, go2, recipe).state_dict() for path in (before, after))
    assert any(not torch.equal(old[name], new[name]) for name in old)
    assert (new['belief.0.weight'] != old['belief.0.weight']).any()
    assert safetensors.torch.load_file(after)[DELAY] == 1
    load_critic(after, go2, recipe)


def test_what_is_written_is_the_mean_of_the_second_half(make, tmp_path, go2, recipe):
    """32 of 96 steps are the first half's; 64 and 96 count."""
    one, seen = make(tmp_path / 'a'), []
    for _ in range(3):
        one.iterate()
        seen.append(one.ppo.actor.state_dict()['body.net.0.weight'].clone())
    one.finish(tmp_path / 'after.safetensors')
    written = load_actor(tmp_path / 'after.safetensors', go2, recipe).state_dict()
    torch.testing.assert_close(written['body.net.0.weight'], (seen[1] + seen[2]) / 2.0)
    assert not torch.equal(seen[1], seen[2])


def test_the_same_seed_practises_the_same_and_another_does_not(make, tmp_path, go2, recipe):
    weights = []
    for name, seed in (('a', 0), ('b', 0), ('c', 1)):
        path = tmp_path / f'{name}.safetensors'
        practice(make(tmp_path / name, seed=seed), path, lambda line: None)
        weights.append(load_actor(path, go2, recipe).state_dict()['body.net.0.weight'])
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_practice_leaves_a_checkpoint_as_often_as_it_is_to(make, tmp_path):
    one = make(tmp_path / 'a', checkpoint_s=1e-9)
    practice(one, tmp_path / 'a.safetensors', lambda line: None)
    assert make(tmp_path / 'a').num_steps == 96


def test_practice_that_was_cut_goes_on_as_if_it_had_not(make, tmp_path, go2, recipe):
    paths = [tmp_path / f'{name}.safetensors' for name in ('whole', 'cut')]
    practice(make(tmp_path / 'a'), paths[0], lambda line: None)
    cut = make(tmp_path / 'b')
    cut.iterate()
    cut.iterate()
    cut.save()
    said, again = [], make(tmp_path / 'b')
    assert again.num_steps == 64
    practice(again, paths[1], said.append)
    assert said[0].split(':')[0] == 'practice step 96 of 96'
    weights = [load_actor(path, go2, recipe).state_dict() for path in paths]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
