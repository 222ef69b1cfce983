"""The expert that takes beliefs: what it is told, what it goes on from, and what it writes."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
import safetensors.torch
import torch

from simdist_ros.core.errors import ConfigError
from simdist_ros.pretraining.expert.belief_training import BeliefTraining, told_beliefs
from simdist_ros.pretraining.expert.files import (
    CHECKPOINT,
    EXPERT,
    load_actor,
    load_critic,
    save_networks,
)
from simdist_ros.pretraining.expert.networks import belief_space
from simdist_ros.pretraining.expert.stage import BELIEFS, HEALTHY, run_expert
from simdist_ros.pretraining.presets import EXPERT_PRESETS
from simdist_ros.pretraining.recipe import load_recipe
from simdist_ros.sim.batch.settings import Randomisation
from simdist_ros.world_model.store.verify import DELAY

HEALTHY_ONLY = dataclasses.replace(
    EXPERT_PRESETS['smoke'], num_robots=8, horizon_steps=4, total_steps=64, policies_kept=2
)
TINY = dataclasses.replace(HEALTHY_ONLY, belief_steps=96)


@pytest.fixture(scope='module')
def healthy(tmp_path_factory, go2):
    folder = tmp_path_factory.mktemp('healthy')
    return run_expert(go2, folder / 'expert', HEALTHY_ONLY, shows_progress=False)


@pytest.fixture
def training(healthy, go2, recipe):
    def make(folder, **changes):
        settings = dataclasses.replace(TINY, **changes)
        return BeliefTraining(go2, recipe, settings, folder, healthy)

    return make


def test_beliefs_are_hidden_blurred_or_true_in_their_shares():
    truth = np.tile(np.array([[1.0, 0.0, -2.0]], dtype=np.float32), (4000, 1))
    told = told_beliefs(truth, 0.3, 0.2, np.random.default_rng(0))
    hidden, exact = (told == 0.0).all(axis=1), (told == truth).all(axis=1)
    assert hidden.mean() == pytest.approx(0.3, abs=0.02)
    assert exact.mean() == pytest.approx(0.5, abs=0.02)
    blurred = told[~hidden & ~exact]
    assert blurred.mean(axis=0) == pytest.approx([1.0, 0.0, -2.0], abs=0.06)
    assert blurred[:, 1].std() == pytest.approx(0.1, abs=0.01)
    assert np.corrcoef(blurred[:, 0], blurred[:, 2])[0, 1] < -0.9  # too small or too large in all
    assert blurred[:, 2].min() < -2.6


def test_healthy_robots_are_at_times_told_of_another_and_faulty_ones_never_are():
    truth = np.repeat([[0.0, 0.0, 0.0], [1.0, 0.0, -2.0]], 2000, axis=0).astype(np.float32)
    others = np.array([[3.0, 0.0, 0.0], [0.0, 4.0, 0.0]], dtype=np.float32)
    rng = np.random.default_rng(0)
    told = told_beliefs(truth, 0.0, 0.0, rng, stale=0.25, others=others)
    assert (told[2000:] == truth[2000:]).all()
    first, second = ((told[:2000] == other).all(axis=1) for other in others)
    assert first.mean() == pytest.approx(0.125, abs=0.02)
    assert second.mean() == pytest.approx(0.125, abs=0.02)
    assert not told[:2000][~first & ~second].any()
    assert not told_beliefs(truth[:9], 0.0, 0.0, rng, stale=1.0, others=others[:0]).any()


def test_stale_beliefs_are_about_robots_of_the_batch(training, tmp_path):
    one = training(
        tmp_path / 'a',
        num_robots=64,
        belief_hidden_share=1.0,
        belief_blurred_share=0.0,
        belief_stale_share=1.0,
    )
    one.begin(np.ones(64, dtype=bool))
    truth = one.space.of(one.env.parameters)
    healthy = ~truth.any(axis=1)
    assert not one.told[~healthy].any()
    assert one.told[healthy].any(axis=1).all()
    faults = {row.tobytes() for row in truth[~healthy]}
    assert {row.tobytes() for row in one.told[healthy]} <= faults


def test_robots_three_of_four_have_faults_and_the_others_slopes_and_bumps(training, tmp_path):
    env = training(tmp_path / 'a', num_robots=64).env
    faulty = np.arange(64) % 4 != 3
    truth = belief_space(env.robot, load_recipe(env.robot)).of(env.parameters)
    assert (truth != 0.0).any(axis=1)[faulty].mean() > 0.7
    assert not truth[~faulty].any()
    assert (env.parameters['up'][faulty] == [0.0, 0.0, 1.0]).all()
    assert (env.parameters['up'][~faulty, 2] < 1.0).any()
    assert not env.rough[faulty].any()
    assert env.rough[~faulty].any()
    assert (env.levels == 0.6).all()
    assert (env.parameters['strength'][7::8] >= 0.85).all()
    assert (env.parameters['strength'][3::8] < 0.85).any()


def test_the_actor_is_told_what_it_is_told_and_the_critic_the_truth(training, tmp_path):
    none = {'belief_blurred_share': 0.0, 'belief_stale_share': 0.0}
    one = training(tmp_path / 'a', belief_hidden_share=1.0, **none)
    x, truth, _ = one.inputs(one.env.observation)
    size = one.space.size
    assert size == 68
    assert not x[:, -size:].any()
    known = torch.from_numpy(one.space.of(one.env.parameters))
    assert known.any()
    assert torch.equal(truth[:, -size:], known)
    told = training(tmp_path / 'b', belief_hidden_share=0.0, **none)
    x, truth, _ = told.inputs(told.env.observation)
    assert torch.equal(x[:, -size:], truth[:, -size:])


def test_it_learns_at_a_rate_of_its_own(training, tmp_path):
    one = training(tmp_path / 'a', rate=3e-3, belief_rate=2e-5)
    assert one.ppo.rate == pytest.approx(2e-5)


def test_who_begins_anew_is_told_anew_and_nobody_else(training, tmp_path):
    none = {'belief_hidden_share': 0.0, 'belief_blurred_share': 0.0, 'belief_stale_share': 0.0}
    one = training(tmp_path / 'a', **none)
    before = one.told.copy()
    one.begin(np.arange(8) == 5)
    changed = (one.told != before).any(axis=1)
    assert not changed[np.arange(8) != 5].any()
    assert (one.told == one.space.of(one.env.parameters)).all()


@torch.no_grad()
def test_it_begins_as_the_healthy_expert_whatever_it_is_told(training, tmp_path, healthy, go2):
    one = training(tmp_path / 'a')
    recipe = load_recipe(go2)
    x, truth, extero = one.inputs(one.env.observation)
    size = one.space.size
    actor, critic = load_actor(healthy, go2, recipe), load_critic(healthy, go2, recipe)
    torch.testing.assert_close(one.ppo.actor(x, extero), actor(x[:, :-size], extero))
    torch.testing.assert_close(one.ppo.critic(truth, extero), critic(truth[:, :-size], extero))


def test_an_actor_lies_between_the_one_with_beliefs_that_it_went_on_from_and_the_last(
    training, tmp_path, go2, recipe
):
    first = training(tmp_path / 'first')
    first.iterate()
    file = tmp_path / 'first.safetensors'
    save_networks(file, first.ppo.actor, first.ppo.critic, first.about())
    settings = dataclasses.replace(TINY, belief_blend=0.25)
    second = BeliefTraining(go2, recipe, settings, tmp_path / 'second', file)
    second.iterate()
    before, last = (one.ppo.actor.state_dict() for one in (first, second))
    found = second.blended().state_dict()
    name = 'belief.2.weight'
    assert not torch.equal(before[name], last[name])
    torch.testing.assert_close(found[name], 0.75 * before[name] + 0.25 * last[name])
    assert first.blended() is first.ppo.actor  # it went on from one without


def test_a_training_with_beliefs_goes_on_bit_by_bit(training, tmp_path):
    straight, cut = training(tmp_path / 'a'), training(tmp_path / 'b')
    for one, count in itertools.product((straight, cut), range(4)):
        if one is straight or count < 2:
            one.iterate()
    cut.save()
    again = training(tmp_path / 'b')
    assert again.num_steps == 64
    assert (again.told == cut.told).all()
    for _ in range(2):
        again.iterate()
    assert (straight.env.state == again.env.state).all()
    assert (straight.told == again.told).all()
    for one, two in zip(straight.ppo.parameters, again.ppo.parameters, strict=True):
        assert torch.equal(one, two)


def test_an_expert_with_beliefs_is_written_beside_the_healthy_one(tmp_path, go2, recipe, healthy):
    out = tmp_path / 'expert'
    path = run_expert(go2, out, TINY, shows_progress=False)
    assert path == out / EXPERT
    assert (out / BELIEFS / CHECKPOINT).is_file()
    kept = load_actor(out / HEALTHY, go2, recipe)
    assert kept.belief is None
    for name, array in load_actor(healthy, go2, recipe).state_dict().items():
        assert torch.equal(kept.state_dict()[name], array)
    actor = load_actor(path, go2, recipe)
    assert actor.belief is not None
    assert actor.belief[2].weight.abs().sum() > 0.0
    x, extero, belief = torch.zeros(1, 50), torch.zeros(1, 315), torch.ones(1, 68)
    answers = [
        actor(x, extero),
        actor(x, extero, belief),
        actor(torch.cat([x, belief], 1), extero),
    ]
    assert torch.equal(answers[1], answers[2])
    assert not torch.equal(answers[0], answers[1])
    critic, truth = load_critic(path, go2, recipe), torch.zeros(1, 69)
    assert critic.belief_dim == 68
    values = [critic(torch.cat([truth, b], 1), extero) for b in (belief, 0.0 * belief)]
    assert values[0] != values[1] == critic(truth, extero)
    assert safetensors.torch.load_file(path)[DELAY].item() == 1


def test_no_further_training_of_the_healthy_part_takes_the_expert_as_it_is(
    tmp_path, go2, recipe, healthy
):
    settings = dataclasses.replace(TINY, total_steps=0, init=str(healthy))
    path = run_expert(go2, tmp_path / 'a', settings, shows_progress=False)
    assert not (tmp_path / 'a' / HEALTHY).exists()
    on = dataclasses.replace(settings, init=str(path))
    again = run_expert(go2, tmp_path / 'b', on, shows_progress=False)
    assert load_actor(again, go2, recipe).belief is not None
    with pytest.raises(ConfigError, match=r'this expert takes beliefs; set expert.total_steps=0'):
        run_expert(go2, tmp_path / 'c', dataclasses.replace(on, total_steps=8))
    assert not (tmp_path / 'c').exists()


def test_settings_that_leave_nothing_to_learn_are_refused():
    with pytest.raises(ConfigError, match='total_steps is 0, which needs an expert in init'):
        dataclasses.replace(TINY, total_steps=0)
    with pytest.raises(ConfigError, match=r'are 1\.2 together'):
        dataclasses.replace(TINY, belief_hidden_share=0.7, belief_blurred_share=0.5)


def test_a_recipe_without_faults_is_refused_before_a_folder_is_made(recipe):
    healthy = dataclasses.replace(recipe, faulty_randomisation=Randomisation())
    with pytest.raises(ConfigError, match='no faults to learn beliefs of; set fault_share'):
        healthy.faulty()


def test_the_recipe_of_a_go2_has_every_kind_of_fault(recipe):
    faulty = recipe.faulty()
    assert faulty.terrain.slope_deg == 0.0
    assert faulty.terrain.rough_share == 0.0
    r = faulty.randomisation
    assert r.payload_low_kg == recipe.randomisation.payload_low_kg
    assert max(r.fault_strength_low, r.fault_kp_low, r.fault_kd_low) < 1.0
    assert min(r.fault_friction_nm, r.fault_zero_offset_rad, r.fault_lag_steps) > 0.0
    assert r.fault_foot_friction_low < 1.0 < r.fault_payload_kg
    assert recipe.randomisation.fault_share == recipe.widened().randomisation.fault_share == 0.0
