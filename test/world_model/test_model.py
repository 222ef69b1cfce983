"""What holds for any weights."""

from __future__ import annotations

import pytest
import torch

from simdist_ros.world_model.cpu_inference import AVAILABLE, gelu, keep_freed_memory
from simdist_ros.world_model.inference import infer
from simdist_ros.world_model.model import WorldModel

from .situations import encode, random_inputs

T, D, A = 4, 16, 2


def close(a, b):
    torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def situation(model, batch=1, seed=0):
    inputs = random_inputs(model.architecture, batch, seed)
    context = encode(model, inputs)
    return context, model.memory(context), inputs['fut_cmds']


def candidates(count, seed=5):
    return torch.randn((count, T, A), generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize('batch', [1, 3])
def test_every_output_keeps_its_batch_axis(small_model, batch):
    outputs = infer(small_model, random_inputs(small_model.architecture, batch))
    assert {name: tuple(x.shape) for name, x in outputs.items()} == {
        'latents': (batch, T, D),
        'rewards': (batch, T),
        'values': (batch, T),
        'actions': (batch, T, A),
    }


def test_context_of_one_keeps_its_batch_axis(small_model):
    context, memory, _ = situation(small_model)
    assert context.tokens.shape == (1, 7, D)
    assert context.latent.shape == (1, D)
    assert memory.keys.shape == memory.values.shape == (2, 1, 4, 7, 4)


def test_batch_equals_its_entries_one_by_one(small_model):
    inputs = random_inputs(small_model.architecture, 3)
    together = infer(small_model, inputs)
    for index in range(3):
        alone = infer(small_model, {name: x[index : index + 1] for name, x in inputs.items()})
        for name, x in alone.items():
            close(together[name][index : index + 1], x)


@pytest.mark.parametrize('count', [1, 6, 200])
def test_shared_memory_gives_what_copies_of_it_give(small_model, count):
    actions = candidates(count)
    with torch.inference_mode():
        context, memory, commands = situation(small_model)
        copied = type(memory)(*(x.expand(-1, count, -1, -1, -1).clone() for x in memory))
        latents = small_model.predict(memory, actions)
        close(latents, small_model.predict(copied, actions))
        many = type(context)(*(x.expand(count, *x.shape[1:]) for x in context))
        shared = small_model.score(context, latents, actions, commands)
        own = small_model.score(many, latents, actions, commands.expand(count, -1, -1))
    close(shared.rewards, own.rewards)
    close(shared.values, own.values)


def test_each_situation_serves_its_own_successive_candidates(small_model):
    actions = candidates(6)
    context, memory, commands = situation(small_model, batch=2)
    latents = small_model.predict(memory, actions)
    scores = small_model.score(context, latents, actions, commands)
    for index, part in enumerate((slice(0, 3), slice(3, 6))):
        one = type(context)(*(x[index : index + 1] for x in context))
        own = small_model.predict(small_model.memory(one), actions[part])
        close(latents[part], own)
        alone = small_model.score(one, own, actions[part], commands[index : index + 1])
        close(scores.rewards[part], alone.rewards)
        close(scores.values[part], alone.values)


def test_final_value_is_the_last_of_the_values(small_model):
    actions = candidates(5)
    context, memory, commands = situation(small_model)
    latents = small_model.predict(memory, actions)
    scores = small_model.score(context, latents, actions, commands)
    final = small_model.final_value(latents, commands)
    assert final.shape == (5,)
    close(final, scores.values[:, -1])
    close(small_model.rewards(context, latents, actions, commands), scores.rewards)


def test_prediction_does_not_see_later_actions(small_model):
    actions = candidates(1)
    changed = actions.clone()
    changed[:, 2:] += 1.0
    _, memory, _ = situation(small_model)
    before, after = small_model.predict(memory, actions), small_model.predict(memory, changed)
    assert torch.equal(before[:, :2], after[:, :2])
    assert not torch.allclose(before[:, 2], after[:, 2])


def test_inference_and_training_paths_agree(small_model):
    actions = candidates(200)
    with torch.inference_mode():
        _, memory, _ = situation(small_model)
        fused = small_model.predict(memory, actions)
    _, memory, _ = situation(small_model)
    close(fused.clone(), small_model.predict(memory, actions).detach())


@pytest.mark.parametrize('shape', [(7,), (3, 25, 256)])
def test_gelu_is_the_same_function_in_inference_and_leaves_its_input_alone(shape):
    x = 4.0 * torch.randn(*shape, generator=torch.Generator().manual_seed(0))
    given = x.clone()
    with torch.inference_mode():
        fast = gelu(x)
    assert torch.equal(x, given)
    torch.testing.assert_close(fast, gelu(x), rtol=1e-5, atol=1e-6)
    far = torch.tensor([-1e4, 1e4])
    with torch.inference_mode():
        assert gelu(far).tolist() == [0.0, 1e4]


@pytest.mark.skipif(not AVAILABLE, reason='this PyTorch has no fused operator')
def test_new_weights_act_at_once_on_the_fused_path(small_model):
    actions = candidates(200)
    with torch.inference_mode():
        _, memory, _ = situation(small_model)
        before = small_model.predict(memory, actions)
        weight = small_model.dynamics.decoder.blocks[0].mlp.layers[0].weight
        weight.mul_(2.0)
        assert not torch.allclose(before, small_model.predict(memory, actions))


@pytest.mark.parametrize('part', ['encoder', 'dynamics', 'heads'])
def test_every_weight_of_a_part_gets_a_gradient(small_model, part):
    inputs = random_inputs(small_model.architecture, 2)
    context = encode(small_model, inputs)
    latents = small_model.predict(small_model.memory(context), inputs['fut_acts'])
    scores = small_model.score(context, latents, inputs['fut_acts'], inputs['fut_cmds'])
    policy = small_model.policy_prior(context, inputs['fut_cmds'])
    loss = scores.rewards.square().sum() + scores.values.square().sum() + policy.square().sum()
    (loss + latents.square().sum()).backward()
    for name, parameter in getattr(small_model, part).named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_normalizer_has_buffers_and_no_weights(small_model):
    assert not list(small_model.normalizer.parameters())
    assert small_model.normalizer.action_low.shape == (A,)


def test_scaling_is_undone_by_unscaling(small_model):
    normalizer = small_model.normalizer
    normalizer.actions_mean.copy_(torch.tensor([1.0, -2.0]))
    normalizer.actions_std.copy_(torch.tensor([0.5, 3.0]))
    actions = candidates(2)
    close(normalizer.scale('actions', torch.tensor([2.0, 1.0])), torch.tensor([2.0, 1.0]))
    close(normalizer.unscale('actions', normalizer.scale('actions', actions)), actions)


def test_model_speaks_raw_units(small_model):
    inputs = random_inputs(small_model.architecture, 2)
    before = infer(small_model, inputs)
    for name in ('rewards', 'values', 'actions'):
        getattr(small_model.normalizer, f'{name}_mean').fill_(3.0)
        getattr(small_model.normalizer, f'{name}_std').fill_(2.0)
    raw = {
        **inputs,
        'acts_hist': 2 * inputs['acts_hist'] + 3,
        'fut_acts': 2 * inputs['fut_acts'] + 3,
    }
    after = infer(small_model, raw)
    close(after['latents'], before['latents'])
    for name in ('rewards', 'values', 'actions'):
        close(after[name], 2 * before[name] + 3)


def test_same_seed_gives_the_same_weights_and_leaves_the_global_generator_alone(architecture):
    state = torch.get_rng_state()
    first, again, other = (WorldModel(architecture, seed=s).state_dict() for s in (1, 1, 2))
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_keeping_freed_memory_changes_no_result(small_model):
    inputs = random_inputs(small_model.architecture, 2)
    before = infer(small_model, inputs)
    keep_freed_memory()
    assert all(torch.equal(before[name], x) for name, x in infer(small_model, inputs).items())
