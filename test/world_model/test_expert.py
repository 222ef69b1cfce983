"""A model that carries the expert it was distilled from."""

from __future__ import annotations

import numpy as np
import pytest
import safetensors.torch
import torch

from simdist_ros.core.errors import CheckpointError
from simdist_ros.world_model.expert import HIDDEN, BeliefPath, expert_network
from simdist_ros.world_model.store.checkpoint import EXPERT, load_model, save_model
from simdist_ros.world_model.store.verify import DELAY, read_expert

PHASES = 2


def content_of(architecture, **changes):
    """Return an expert's file with random weights, some arrays of it changed or left out."""
    torch.manual_seed(3)
    network = expert_network(architecture, PHASES)
    arrays = {f'actor.{name}': x.clone() for name, x in network.state_dict().items()}
    arrays['actor.trot'] = torch.randn_like(arrays['actor.trot'])
    arrays['critic.body.norm.mean'] = torch.zeros(4)  # only its training needs this
    for name, array in changes.items():
        arrays[f'actor.{name.replace("__", ".")}'] = array
    return safetensors.torch.save({name: x for name, x in arrays.items() if x is not None})


@pytest.fixture
def model_with_expert(small_model, architecture, tmp_path):
    small_model.expert = read_expert(content_of(architecture), tmp_path / EXPERT, architecture)
    return small_model


def ask(expert, architecture, count=1, belief=None):
    a, rng = architecture, np.random.default_rng(0)
    sizes = (a.proprio_obs_dim, a.action_dim, a.extero_obs_dim)
    seen = (rng.normal(size=size).astype(np.float32) for size in sizes)
    return expert.act(*seen, torch.ones(count, a.command_dim), belief)


def save(folder, model, **entries):
    save_model(folder, model, robot='toy', created_by='a test', **entries)


def path_to_first_unit(weight=0.5):
    """Return a path of 3 numbers through 2 hidden units: the first number raises unit 0."""
    path = BeliefPath(3, width=2)
    with torch.no_grad():
        path[0].weight.copy_(torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]))
        path[0].bias.zero_()
        path[2].weight[0, 0] = weight
    return path


def with_path(architecture, path, **changes):
    """Return an expert's file with a belief path."""
    arrays = {f'belief__{name}': x for name, x in path.state_dict().items()}
    return content_of(architecture, **{**arrays, **changes})


def test_a_new_belief_path_changes_no_answer(architecture, tmp_path):
    without = read_expert(content_of(architecture), tmp_path / EXPERT, architecture)
    path = BeliefPath(3)
    led = read_expert(with_path(architecture, path), tmp_path / EXPERT, architecture)
    assert (without.belief_dim, led.belief_dim) == (0, 3)
    belief = torch.tensor([1.0, -2.0, 3.0])
    expected = ask(without, architecture)
    assert torch.equal(ask(led, architecture, belief=belief), expected)
    assert torch.equal(ask(led, architecture), expected)


def test_a_belief_is_added_times_the_gain_before_the_first_activation(architecture, tmp_path):
    content = with_path(architecture, path_to_first_unit(0.5))
    expert = read_expert(content, tmp_path / EXPERT, architecture)
    believed = ask(expert, architecture, belief=torch.tensor([0.25, 9.0, -9.0]))
    bias = safetensors.torch.load(content)['actor.body.net.0.bias'].clone()
    bias[0] += 8.0 * 0.5 * 0.25  # by hand: gain * weight * belief
    by_hand = content_of(architecture, body__net__0__bias=bias)
    expected = ask(read_expert(by_hand, tmp_path / EXPERT, architecture), architecture)
    torch.testing.assert_close(believed, expected)
    assert (believed - ask(expert, architecture)).abs().max() > 1e-3


def test_every_command_is_answered_with_the_same_belief(architecture, tmp_path):
    content = with_path(architecture, path_to_first_unit())
    expert = read_expert(content, tmp_path / EXPERT, architecture)
    believed = ask(expert, architecture, count=3, belief=torch.ones(3))
    alone = ask(expert, architecture, belief=torch.ones(3))
    torch.testing.assert_close(believed, alone.expand(3, -1))


def test_an_expert_without_a_belief_path_takes_no_belief(architecture, tmp_path):
    expert = read_expert(content_of(architecture), tmp_path / EXPERT, architecture)
    with pytest.raises(ValueError, match='takes no belief'):
        ask(expert, architecture, belief=torch.zeros(3))


def test_a_saved_expert_comes_back_as_it_was_byte_for_byte(
    model_with_expert, architecture, tmp_path
):
    save(tmp_path / 'm', model_with_expert)
    before, after = model_with_expert.expert, load_model(tmp_path / 'm').model.expert
    assert (tmp_path / 'm' / EXPERT).read_bytes() == before.content == after.content
    assert torch.equal(ask(before, architecture), ask(after, architecture))


def test_it_answers_every_command_with_one_action(model_with_expert, architecture):
    actions = ask(model_with_expert.expert, architecture, count=3)
    assert actions.shape == (3, architecture.action_dim)
    torch.testing.assert_close(actions[0], actions[2])


def test_the_models_own_weights_are_the_same_with_and_without_it(model_with_expert, small_folder):
    names = model_with_expert.state_dict().keys()
    assert names == load_model(small_folder).model.state_dict().keys()


def test_an_adapted_model_has_the_expert_of_its_parent_without_a_file_of_its_own(
    model_with_expert, tmp_path
):
    save(tmp_path / 'parent', model_with_expert)
    with torch.no_grad():
        next(model_with_expert.dynamics.parameters()).add_(1.0)
    save(tmp_path / 'child', model_with_expert, parent='../parent')
    assert not (tmp_path / 'child' / EXPERT).exists()
    assert load_model(tmp_path / 'child').model.expert.content == model_with_expert.expert.content


def test_a_file_that_the_manifest_does_not_list_is_not_used(small_folder, architecture):
    (small_folder / EXPERT).write_bytes(content_of(architecture))
    assert load_model(small_folder).model.expert is None


def test_a_changed_file_is_refused(model_with_expert, architecture, tmp_path):
    save(tmp_path / 'm', model_with_expert)
    changed = content_of(architecture, trot=torch.zeros(architecture.action_dim, PHASES))
    (tmp_path / 'm' / EXPERT).write_bytes(changed)
    with pytest.raises(CheckpointError, match=r'expert\.safetensors: SHA-256 is .* damaged'):
        load_model(tmp_path / 'm')


@pytest.mark.parametrize(
    ('changes', 'sentence'),
    [
        (
            {'body__norm__mean': torch.zeros(7)},
            r"array 'body.norm.mean' is float32 \(7,\), expected float32 \(10,\) by model.yaml",
        ),
        ({'trot': None}, r"array 'trot' is missing"),
        ({'trot': torch.full((2, PHASES), torch.nan)}, r"array 'trot' holds NaN or infinity"),
        (
            {'phase_index': torch.tensor([3, 10])},
            r"array 'phase_index' is \[3, 10\], expected indices of 10 inputs",
        ),
        ({'belief__2__weight': torch.zeros(HIDDEN[0], 2)}, r"array 'belief.0.\w+' is missing"),
        (
            {
                'belief__0__weight': torch.zeros(2, 3),
                'belief__0__bias': torch.zeros(2),
                'belief__2__weight': torch.zeros(HIDDEN[0], 4),
            },
            r"array 'belief.2.weight' is float32 \(256, 4\), expected float32 \(256, 2\)",
        ),
    ],
)
def test_an_expert_of_another_size_or_with_damaged_numbers_is_refused_in_a_sentence(
    architecture, tmp_path, changes, sentence
):
    path = tmp_path / EXPERT
    with pytest.raises(CheckpointError, match=sentence) as caught:
        read_expert(content_of(architecture, **changes), path, architecture)
    assert str(path) in str(caught.value)
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize('delay', [None, 1])
def test_an_expert_says_with_which_delay_it_was_trained(architecture, tmp_path, delay):
    arrays = safetensors.torch.load(content_of(architecture))
    if delay is not None:
        arrays[DELAY] = torch.tensor(delay)
    expert = read_expert(safetensors.torch.save(arrays), tmp_path / EXPERT, architecture)
    assert expert.plan_delay_steps == (delay or 0)


@pytest.mark.parametrize('delay', [-1, 11, float('nan'), [0, 1]])
def test_a_delay_that_cannot_be_is_refused(architecture, tmp_path, delay):
    arrays = safetensors.torch.load(content_of(architecture))
    arrays[DELAY] = torch.tensor(delay)
    with pytest.raises(CheckpointError, match=r"'plan_delay_steps' is .*, expected a number of 0"):
        read_expert(safetensors.torch.save(arrays), tmp_path / EXPERT, architecture)


def test_what_is_no_safetensors_file_is_refused(architecture, tmp_path):
    with pytest.raises(CheckpointError, match='not a safetensors file'):
        read_expert(b'nothing', tmp_path / EXPERT, architecture)
