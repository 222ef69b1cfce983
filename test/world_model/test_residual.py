"""The residual: nothing at first, a part of the model, a file of its own."""

from __future__ import annotations

import pytest
import torch

from simdist_ros.core.errors import CheckpointError
from simdist_ros.world_model.residual import Residual
from simdist_ros.world_model.store.checkpoint import load_model, save_model
from simdist_ros.world_model.store.manifest import read_manifest, sha256


@pytest.fixture
def inputs(architecture):
    a, generator = architecture, torch.Generator().manual_seed(0)
    context = (
        torch.randn(2, a.history_steps + 1, a.proprio_obs_dim, generator=generator),
        torch.randn(2, a.history_steps, a.action_dim, generator=generator),
        torch.randn(2, a.extero_obs_dim, generator=generator),
    )
    return context, torch.randn(2, a.horizon_steps, a.action_dim, generator=generator)


def predict(model, inputs):
    context, actions = inputs
    with torch.no_grad():
        return model.predict(model.memory(model.encode(*context)), actions)


@pytest.fixture
def corrected(small_model):
    """A model with a residual that changes something."""
    residual = Residual(small_model.architecture, 8)
    with torch.no_grad():
        residual.output.bias.fill_(0.25)
        residual.output.weight.fill_(0.5)
    small_model.residual = residual
    return small_model


def test_a_new_residual_changes_no_bit(small_model, inputs):
    infer = torch.inference_mode()(predict)  # has faster paths of its own
    before, inferred = predict(small_model, inputs), infer(small_model, inputs)
    small_model.residual = Residual(small_model.architecture, 8)
    assert torch.equal(predict(small_model, inputs), before)
    assert torch.equal(infer(small_model, inputs), inferred)


def test_what_it_says_is_added_to_the_predicted_latents(small_model, corrected, inputs):
    _, actions = inputs
    residual, corrected.residual = corrected.residual, None
    plain = predict(corrected, inputs)
    corrected.residual = residual
    scaled = corrected.normalizer.scale('actions', actions)
    assert torch.equal(predict(corrected, inputs), plain + residual(plain, scaled))


def test_it_is_a_file_of_its_own_beside_an_unchanged_parent(
    small_folder, small_model, tmp_path, inputs, architecture
):
    small_model.residual = Residual(architecture, 8)
    torch.nn.init.normal_(small_model.residual.output.weight)
    child = tmp_path / 'child'
    save_model(
        child,
        small_model,
        robot='toy',
        created_by='a test',
        parent='../small',
        adaptation={'method': 'residual'},
    )
    assert {path.name for path in child.iterdir()} == {'residual.safetensors', 'manifest.yaml'}
    assert torch.equal(predict(load_model(child).model, inputs), predict(small_model, inputs))
    manifest = read_manifest(child)
    assert manifest.parent_identity == read_manifest(small_folder).identity
    assert manifest.adaptation == {'method': 'residual'}
    assert load_model(small_folder).model.residual is None


def test_a_model_without_a_residual_replaces_one_with_it(small_model, tmp_path, corrected):
    folder = tmp_path / 'm'
    save_model(folder, corrected, robot='toy', created_by='a test')
    assert (folder / 'residual.safetensors').exists()
    corrected.residual = None
    save_model(folder, corrected, robot='toy', created_by='a test', overwrite=True)
    assert not (folder / 'residual.safetensors').exists()
    assert load_model(folder).model.residual is None


@pytest.mark.parametrize(
    ('damage', 'sentence'),
    [
        ({'output.weight': None}, "array 'output.weight' is missing"),
        ({'output.weight': torch.zeros(3, 8)}, 'expected float32'),
        ({'output.bias': torch.full((16,), torch.nan)}, 'holds NaN or infinity'),
        ({'extra': torch.zeros(1)}, "array 'extra' is not expected here"),
    ],
)
def test_a_damaged_residual_is_refused(corrected, tmp_path, damage, sentence):
    import safetensors.torch
    import yaml

    folder = tmp_path / 'm'
    save_model(folder, corrected, robot='toy', created_by='a test')
    state = {k: v.detach() for k, v in corrected.residual.state_dict().items()} | damage
    data = safetensors.torch.save({k: v for k, v in state.items() if v is not None})
    (folder / 'residual.safetensors').write_bytes(data)
    manifest = yaml.safe_load((folder / 'manifest.yaml').read_text())
    manifest['files']['residual.safetensors'] = sha256(data)
    (folder / 'manifest.yaml').write_text(yaml.safe_dump(manifest))
    with pytest.raises(CheckpointError, match=sentence) as caught:
        load_model(folder)
    assert '\n' not in str(caught.value)


def test_a_lost_residual_is_missed(corrected, tmp_path):
    folder = tmp_path / 'm'
    save_model(folder, corrected, robot='toy', created_by='a test')
    (folder / 'residual.safetensors').unlink()
    with pytest.raises(CheckpointError, match=r'residual.safetensors is missing'):
        load_model(folder)
