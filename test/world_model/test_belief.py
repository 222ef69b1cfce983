"""A model that carries a belief about its robot, and what identifies one."""

from __future__ import annotations

import copy

import pytest
import safetensors.torch
import torch

from simdist_ros.core.errors import CheckpointError
from simdist_ros.world_model.detector import detector_shape
from simdist_ros.world_model.identifier import Identifier
from simdist_ros.world_model.part_names import ADAPTED
from simdist_ros.world_model.store.belief_file import BELIEF, DETECTOR, read_numbers, to_bytes
from simdist_ros.world_model.store.checkpoint import load_model, save_model
from simdist_ros.world_model.store.identifier_file import IDENTIFIER
from simdist_ros.world_model.store.manifest import read_manifest
from simdist_ros.world_model.swappable_parts import changed_parts

from .believing import NAMES, SIZE, belief_of, believing_expert, random_identifier


@pytest.fixture
def model(small_model, architecture):
    small_model.expert = believing_expert(architecture)
    small_model.identifier = random_identifier(architecture)
    return small_model


def save(folder, model, **entries):
    save_model(folder, model, robot='toy', created_by='a test', **entries)


def test_a_belief_and_an_identifier_come_back_as_they_were(model, tmp_path, architecture):
    model.belief = torch.arange(SIZE) / 7.0
    model.detector = torch.randn(detector_shape(model.identifier))
    save(tmp_path / 'm', model)
    again = load_model(tmp_path / 'm').model
    assert torch.equal(again.belief, torch.arange(SIZE) / 7.0)
    assert torch.equal(again.detector, model.detector)
    assert again.identifier.names == NAMES
    windows = torch.randn(3, 50, architecture.proprio_obs_dim + architecture.action_dim)
    expected = model.identifier.features(windows)
    assert torch.equal(again.identifier.features(windows), expected)
    assert changed_parts(model, again) == ()


def test_a_folder_without_them_loads_as_before(small_folder):
    model = load_model(small_folder).model
    assert model.identifier is None
    assert model.belief is None
    assert model.detector is None


def test_an_adapted_model_holds_its_belief_alone_and_inherits_the_identifier(model, tmp_path):
    save(tmp_path / 'parent', model)
    model.belief = belief_of(0.5)
    save(tmp_path / 'child', model, parent='../parent')
    assert {path.name for path in (tmp_path / 'child').iterdir()} == {BELIEF, 'manifest.yaml'}
    child = load_model(tmp_path / 'child').model
    assert torch.equal(child.belief, belief_of(0.5))
    assert child.identifier is not None
    assert load_model(tmp_path / 'parent').model.belief is None
    identities = {read_manifest(tmp_path / name).identity for name in ('parent', 'child')}
    assert len(identities) == 2


def test_a_model_without_a_belief_replaces_one_with_it(model, tmp_path):
    model.belief = belief_of(0.5)
    save(tmp_path / 'm', model)
    model.belief = None
    save(tmp_path / 'm', model, overwrite=True)
    assert not (tmp_path / 'm' / BELIEF).exists()
    assert load_model(tmp_path / 'm').model.belief is None


def test_another_belief_or_none_is_a_changed_part_that_may_be_swapped(model):
    other = copy.deepcopy(model)
    assert changed_parts(model, other) == ()
    other.belief = belief_of(0.5)
    assert changed_parts(model, other) == changed_parts(other, model) == ('belief',)
    model.belief = belief_of(0.25)
    assert changed_parts(model, other) == ('belief',)
    model.belief = belief_of(0.5)
    assert changed_parts(model, other) == ()
    assert 'belief' in ADAPTED


def test_a_belief_with_another_detector_is_another_belief(model):
    model.belief = belief_of(0.5)
    other = copy.deepcopy(model)
    other.detector = torch.zeros(detector_shape(model.identifier))
    assert changed_parts(model, other) == changed_parts(other, model) == ('belief',)
    model.detector = other.detector.clone()
    assert changed_parts(model, other) == ()
    model.detector = model.detector + 1.0
    assert changed_parts(model, other) == ('belief',)


def test_an_expert_with_another_to_act_instead_is_another_expert(model, architecture, tmp_path):
    other = copy.deepcopy(model)
    other.usual_expert = believing_expert(architecture)
    assert changed_parts(model, other) == changed_parts(other, model) == ('expert',)
    save(tmp_path / 'm', other)
    again = load_model(tmp_path / 'm').model
    assert again.usual_expert.content == other.usual_expert.content
    assert changed_parts(other, again) == ()
    assert load_model(tmp_path / 'm').model.expert.content == model.expert.content


@pytest.mark.parametrize('with_identifier', [True, False])
def test_a_detector_of_another_identifier_is_refused(model, tmp_path, with_identifier):
    rows, size = detector_shape(model.identifier)
    model.detector = torch.zeros(rows, size - 1)
    needs = rf'\({rows}, {size}\)'
    if not with_identifier:
        model.identifier, needs = None, 'none'
    save(tmp_path / 'm', model)
    sentence = rf'{DETECTOR}: it is of the shape \({rows}, {size - 1}\), and .* needs {needs};'
    with pytest.raises(CheckpointError, match=sentence):
        load_model(tmp_path / 'm')


@pytest.mark.parametrize('size', [SIZE - 1, SIZE + 1])
def test_a_belief_of_a_size_that_the_expert_does_not_take_is_refused_in_a_sentence(
    model, tmp_path, size
):
    model.belief = belief_of(0.5, size)
    save(tmp_path / 'm', model)
    sentence = rf'belief has {size} numbers, and the expert of the model takes {SIZE}; import'
    with pytest.raises(CheckpointError, match=sentence) as caught:
        load_model(tmp_path / 'm')
    assert str(tmp_path / 'm' / BELIEF) in str(caught.value)
    assert '\n' not in str(caught.value)


def test_a_belief_without_an_expert_that_takes_one_is_refused(small_model, tmp_path):
    small_model.belief = belief_of(0.5)
    save(tmp_path / 'm', small_model)
    with pytest.raises(CheckpointError, match=r'numbers, and the expert .* takes none; import'):
        load_model(tmp_path / 'm')


def test_an_identifier_of_other_beliefs_than_the_experts_is_refused(model, tmp_path, architecture):
    model.identifier = random_identifier(architecture, NAMES[:3])
    save(tmp_path / 'm', model)
    sentence = rf'{IDENTIFIER}: its belief has 3 numbers, and the expert .* takes {SIZE}'
    with pytest.raises(CheckpointError, match=sentence):
        load_model(tmp_path / 'm')


@pytest.mark.parametrize(
    ('data', 'sentence'),
    [
        (b'nothing', 'not a safetensors file'),
        (to_bytes(BELIEF, torch.full((3,), torch.nan)), 'finite float32 numbers; go back'),
        (to_bytes(BELIEF, torch.zeros(1, 3)), 'is not 1-dimensional with finite float32'),
        (to_bytes(BELIEF, torch.zeros(3).double()), 'is not 1-dimensional with finite float32'),
        (
            safetensors.torch.save({'beliefs': torch.zeros(3)}),
            r"it holds the arrays \['beliefs'\], expected 'belief' alone",
        ),
    ],
)
def test_a_damaged_belief_is_refused(tmp_path, data, sentence):
    with pytest.raises(CheckpointError, match=sentence) as caught:
        read_numbers(data, tmp_path / BELIEF)
    assert '\n' not in str(caught.value)


def test_an_identifier_says_how_many_numbers_it_answers(architecture):
    found = Identifier(architecture.proprio_obs_dim, architecture.action_dim, 7)
    assert found.belief_dim == 7
    windows = torch.zeros(2, 50, architecture.proprio_obs_dim + architecture.action_dim)
    assert len(found.identify(found.features(windows))) == 7
