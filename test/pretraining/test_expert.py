"""Training an expert: advantages by hand, going on after a kill, refusals."""

import dataclasses
import json

import pytest
import safetensors.torch
import torch
import yaml

from simdist_ros.core.errors import CheckpointError, ConfigError
from simdist_ros.embodiment.robot import load_robot
from simdist_ros.jobs.errors import PretrainingError
from simdist_ros.pretraining.expert.files import (
    CHECKPOINT,
    EXPERT,
    POLICIES,
    load_actor,
    load_critic,
)
from simdist_ros.pretraining.expert.networks import make_ppo
from simdist_ros.pretraining.expert.stage import run_expert
from simdist_ros.pretraining.expert.training import NARROW, ExpertTraining
from simdist_ros.pretraining.presets import EXPERT_PRESETS
from simdist_ros.pretraining.recipe import load_recipe
from simdist_ros.rl.ppo import PpoSettings, generalised_advantages
from simdist_ros.world_model.expert import RunningNorm
from simdist_ros.world_model.store.verify import DELAY

TINY = dataclasses.replace(
    EXPERT_PRESETS['smoke'], num_robots=4, horizon_steps=4, total_steps=96, policies_kept=2
)


def column(*values):
    return torch.tensor(values, dtype=torch.float32)[:, None]


def test_advantages_by_hand():
    reward, value = column(1.0, 2.0), column(0.5, 1.0, 4.0)
    goes_on, ends = column(0, 0).bool(), column(0, 1).bool()
    # Errors: 1 + 0.5 * 1 - 0.5 = 1 and 2 + 0.5 * 4 - 1 = 3; the first adds 0.5 * 0.8 of the last.
    found = generalised_advantages(reward, value, goes_on, 0.5, 0.8)
    assert found.flatten().tolist() == pytest.approx([1.0 + 0.4 * 3.0, 3.0])
    found = generalised_advantages(reward, value, ends, 0.5, 0.8)
    assert found.flatten().tolist() == pytest.approx([1.0 + 0.4 * 1.0, 1.0])
    found = generalised_advantages(reward, value, goes_on, 0.5, 0.0)
    assert found.flatten().tolist() == pytest.approx([1.0, 3.0])


def test_the_scale_learned_in_parts_is_that_of_the_whole():
    x = torch.randn(1000, 3) * 4.0 + 2.0
    norm = RunningNorm(3)
    norm.count.zero_()
    for part in x.split(100):
        norm.update(part)
    assert torch.allclose(norm.mean, x.mean(0), atol=1e-4)
    assert torch.allclose(norm.variance, x.var(0, unbiased=False), atol=1e-3)


def test_the_rate_falls_when_a_step_was_too_long_and_rises_when_too_short(go2, recipe):
    ppo = make_ppo(go2, recipe, PpoSettings(rate=1e-3, target_kl=0.01), seed=0)
    ppo.adapt(0.05)
    assert ppo.rate == pytest.approx(1e-3 / 1.2)
    ppo.adapt(0.001)
    assert ppo.optimizer.param_groups[0]['lr'] == pytest.approx(1e-3)
    ppo.adapt(0.009)
    assert ppo.rate == pytest.approx(1e-3)


def training(folder, go2):
    (folder / POLICIES).mkdir(exist_ok=True, parents=True)
    return ExpertTraining(go2, load_recipe(go2), TINY, folder)


def test_a_training_goes_on_bit_by_bit(tmp_path, go2):
    straight = training(tmp_path / 'a', go2)
    for _ in range(4):
        straight.iterate()
    cut = training(tmp_path / 'b', go2)
    for _ in range(2):
        cut.iterate()
    cut.save()
    again = training(tmp_path / 'b', go2)
    assert again.num_steps == 32
    for _ in range(2):
        again.iterate()
    for one, two in zip(straight.ppo.parameters, again.ppo.parameters, strict=True):
        assert torch.equal(one, two)
    assert (straight.env.state == again.env.state).all()
    assert again.curve[-1]['reward'] == straight.curve[-1]['reward']


def test_the_last_part_of_a_training_is_in_the_wider_worlds_and_goes_on_in_them(tmp_path, go2):
    wide = dataclasses.replace(TINY, narrow_steps=32, checkpoint_s=0.0)
    (tmp_path / POLICIES).mkdir()
    begun = ExpertTraining(go2, load_recipe(go2), wide, tmp_path)
    assert begun.env.settings.randomisation.plan_delay_steps == 0
    begun.run(shows_progress=False, path=tmp_path / EXPERT)
    assert begun.num_steps == 96
    assert begun.env.settings == load_recipe(go2).widened()
    assert safetensors.torch.load_file(tmp_path / EXPERT)[DELAY].item() == 1
    again = ExpertTraining(go2, load_recipe(go2), wide, tmp_path)
    assert again.env.settings == begun.env.settings
    assert (again.env.state == begun.env.state).all()
    assert (again.env.plan_delay == begun.env.plan_delay).all()


def test_the_wider_worlds_begin_on_the_ground_that_was_reached(tmp_path, go2):
    begun = training(tmp_path, go2)
    begun.env.levels[:] = 0.7
    begun.widen()
    assert (begun.env.levels == 0.7).all()


@pytest.mark.parametrize('blend', [0.0, 0.25, 1.0])
def test_the_expert_lies_between_the_actors_before_and_after_the_wider_worlds(
    tmp_path, go2, recipe, blend
):
    run_expert(
        go2,
        tmp_path,
        dataclasses.replace(TINY, narrow_steps=32, blend=blend),
        shows_progress=False,
    )
    before, expert = (
        load_actor(tmp_path / name, go2, recipe).state_dict() for name in (NARROW, EXPERT)
    )
    after = safetensors.torch.load_file(tmp_path / CHECKPOINT)
    for name, found in expert.items():
        last = after[f'actor.{name}']
        wanted = before[name] + blend * (last - before[name]) if last.is_floating_point() else last
        torch.testing.assert_close(found, wanted)
    assert not torch.equal(before['trot'], after['actor.trot'])


def test_an_expert_of_the_first_part_alone_knows_no_delay(tmp_path, go2):
    run_expert(go2, tmp_path, TINY, shows_progress=False)
    assert DELAY not in safetensors.torch.load_file(tmp_path / EXPERT)


def test_what_the_wider_worlds_do_not_name_is_as_in_the_data(recipe):
    narrow, wide = recipe.randomisation, recipe.widened().randomisation
    assert wide.friction_low < narrow.friction_low
    assert wide.payload_low_kg == narrow.payload_low_kg == -1.0
    assert recipe.widened().terrain.slope_deg == recipe.terrain.slope_deg
    assert recipe.widened().rewards == recipe.rewards


def test_learning_changes_the_weights_and_a_bad_loss_does_not(tmp_path, go2):
    trained = training(tmp_path, go2)
    before = [p.clone() for p in trained.ppo.parameters]
    experience, _ = trained.walk()
    trained.ppo.update(experience)
    after = [p.clone() for p in trained.ppo.parameters]
    assert not all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    experience.reward[1, 1] = float('nan')
    with pytest.raises(PretrainingError, match='the loss is nan'):
        trained.ppo.update(experience)
    for kept, parameter in zip(after, trained.ppo.parameters, strict=True):
        assert torch.equal(kept, parameter)


def test_run_expert_leaves_an_expert_earlier_policies_and_what_they_were_made_with(tmp_path, go2):
    out = tmp_path / 'expert'
    assert run_expert(go2, out, TINY, shows_progress=False) == out / EXPERT
    assert len(list((out / POLICIES).iterdir())) == 2
    recipe = load_recipe(go2)
    x, truth = torch.zeros(1, 50), torch.zeros(1, 69)
    assert load_actor(out / EXPERT, go2, recipe)(x, torch.zeros(1, 315)).shape == (1, 12)
    assert load_critic(out / EXPERT, go2, recipe)(truth, torch.zeros(1, 315)).shape == (1,)
    record = yaml.safe_load((out / 'stage.yaml').read_text())
    assert record['settings']['total_steps'] == 96
    assert record['recipe']['noise']['joint_vel'] == 0.75
    assert json.loads((out / 'curve.json').read_text())[-1]['num_steps'] == 96
    made = (out / EXPERT).stat().st_mtime_ns
    run_expert(go2, out, TINY, shows_progress=False)
    assert (out / EXPERT).stat().st_mtime_ns == made


def test_other_settings_or_a_foreign_folder_are_refused(tmp_path, go2):
    out = tmp_path / 'expert'
    run_expert(go2, out, TINY, shows_progress=False)
    kept = (out / CHECKPOINT).read_bytes()
    changed = dataclasses.replace(TINY, clip=0.3)
    with pytest.raises(ConfigError, match=r'begun with settings.clip = 0.2, now it is 0.3'):
        run_expert(go2, out, changed, shows_progress=False)
    assert (out / CHECKPOINT).read_bytes() == kept
    foreign = tmp_path / 'foreign'
    foreign.mkdir()
    (foreign / 'thesis.tex').write_text('')
    with pytest.raises(ConfigError, match=r'holds something else \(thesis.tex'):
        run_expert(go2, foreign, TINY, shows_progress=False)
    assert [path.name for path in foreign.iterdir()] == ['thesis.tex']
    with pytest.raises(ConfigError, match='is a file; choose a folder'):
        run_expert(go2, foreign / 'thesis.tex', TINY, shows_progress=False)


def test_a_damaged_or_foreign_file_is_refused(tmp_path, go2, recipe):
    path = tmp_path / EXPERT
    with pytest.raises(CheckpointError, match='is missing; run'):
        load_actor(path, go2, recipe)
    path.write_bytes(b'nothing')
    with pytest.raises(CheckpointError, match='not what an expert left there'):
        load_actor(path, go2, recipe)
    path.write_bytes(safetensors.torch.save({}, {'about': '{"robot": "spot"}'}))
    with pytest.raises(CheckpointError, match="is of robot 'spot', expected 'go2'"):
        load_actor(path, go2, recipe)
    path.write_bytes(safetensors.torch.save({}, {'about': '{"robot": "go2"}'}))
    with pytest.raises(CheckpointError, match='not what an expert left there'):
        load_critic(path, go2, recipe)


def test_a_robot_without_a_recipe_is_refused(go2):
    bare = dataclasses.replace(load_robot('go2'), pretraining='')
    with pytest.raises(ConfigError, match="robot 'go2' has no recipe for pretraining"):
        load_recipe(bare)


@pytest.mark.parametrize(
    ('old', 'new', 'match'),
    [
        ('noise: {}', 'nois: {}', "did you mean 'noise'"),
        ('  slope_deg: 20.0', '  slope_deg: steep', 'must be a finite number'),
        ('  FR_hip_joint: {mirror', '  FR_hop_joint: {mirror', 'joint names do not match'),
        ('foot: RL_foot, lift: 0.5', 'foot: RL_fot, lift: 0.5', "did you mean 'RL_foot'"),
    ],
)
def test_a_recipe_that_breaks_a_rule_is_refused(tmp_path, go2, old, new, match):
    text = (go2.source.parent / go2.pretraining).read_text()
    assert old in text
    (tmp_path / 'r.yaml').write_text(text.replace(old, new))
    broken = dataclasses.replace(go2, pretraining='r.yaml', source=tmp_path / 'x.yaml')
    with pytest.raises(ConfigError, match=match):
        load_recipe(broken)


def test_an_expert_may_be_trained_in_one_world(go2, recipe, tmp_path):
    settings = dataclasses.replace(EXPERT_PRESETS['smoke'], num_robots=2, world='ice')
    training = ExpertTraining(go2, recipe, settings, tmp_path)
    assert (training.env.parameters['friction'] == 0.12).all()


def test_a_world_that_does_not_fit_is_refused_before_a_folder_is_made(go2, tmp_path):
    (tmp_path / 'mine.yaml').write_text('joints: {XL: {strength: 0.5}}\n')
    settings = dataclasses.replace(EXPERT_PRESETS['smoke'], world=str(tmp_path / 'mine.yaml'))
    with pytest.raises(ConfigError, match=r"world 'mine': joints: unknown joint 'XL'"):
        run_expert(go2, tmp_path / 'out', settings, shows_progress=False)
    assert not (tmp_path / 'out').exists()


def test_an_expert_may_go_on_from_another_one(go2, recipe, tmp_path):
    first = run_expert(go2, tmp_path / 'first', TINY, shows_progress=False)
    settings = dataclasses.replace(TINY, world='weak_leg', init=str(first), narrow_steps=0)
    (tmp_path / POLICIES).mkdir()
    training = ExpertTraining(go2, recipe, settings, tmp_path)
    for load, network in ((load_actor, training.ppo.actor), (load_critic, training.ppo.critic)):
        for name, weight in load(first, go2, recipe).state_dict().items():
            assert torch.equal(network.state_dict()[name], weight)
    training.iterate()
    assert training.env.penalty_scale == training.env.command_scale == 1.0
    before = training.ppo.actor.state_dict()['trot'].clone()
    training.save()
    again = ExpertTraining(go2, recipe, settings, tmp_path)
    assert torch.equal(again.ppo.actor.state_dict()['trot'], before)
    expert = run_expert(go2, tmp_path / 'second', settings, shows_progress=False)
    assert safetensors.torch.load_file(expert)[DELAY].item() == 1


def test_a_training_that_is_to_go_on_from_nothing_is_refused(go2, tmp_path):
    settings = dataclasses.replace(TINY, init=str(tmp_path / 'none.safetensors'))
    with pytest.raises(CheckpointError, match=r'none.safetensors is missing'):
        run_expert(go2, tmp_path / 'out', settings, shows_progress=False)
    assert not (tmp_path / 'out').exists()
