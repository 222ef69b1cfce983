"""`simdist predict`: a file of inputs to a file of outputs."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from simdist_ros.core.errors import CheckpointError, ConfigError
from simdist_ros.world_model.inference import infer, predict_file

from .situations import random_inputs


@pytest.fixture
def inputs(small_model):
    return {name: x.numpy() for name, x in random_inputs(small_model.architecture, 3).items()}


def write(path, arrays):
    np.savez(path, **arrays)
    return path


def refusal(folder, path):
    output = path.with_name('output.npz')
    with pytest.raises(ConfigError) as caught:
        predict_file(folder, path, output)
    assert not output.exists()
    assert str(path) in str(caught.value)
    assert '\n' not in str(caught.value)
    return str(caught.value)


def test_outputs_are_the_models(small_model, small_folder, inputs, tmp_path):
    predict_file(small_folder, write(tmp_path / 'in.npz', inputs), tmp_path / 'out.npz')
    expected = infer(small_model, {name: torch.from_numpy(x) for name, x in inputs.items()})
    with np.load(tmp_path / 'out.npz') as outputs:
        assert set(outputs.files) == {'latents', 'rewards', 'values', 'actions'}
        for name, value in expected.items():
            np.testing.assert_allclose(outputs[name], value.numpy(), atol=1e-6)


def test_batch_of_one_keeps_its_axis(small_folder, inputs, tmp_path):
    one = {name: x[:1].astype(np.float64) for name, x in inputs.items()}
    predict_file(small_folder, write(tmp_path / 'in.npz', one), tmp_path / 'out.npz')
    with np.load(tmp_path / 'out.npz') as outputs:
        assert outputs['rewards'].shape == (1, 4)
        assert outputs['actions'].dtype == np.float32


def test_other_arrays_in_the_file_do_not_matter(small_folder, inputs, tmp_path):
    arrays = {**inputs, 'note': np.array('a fall')}
    predict_file(small_folder, write(tmp_path / 'in.npz', arrays), tmp_path / 'out')
    assert (tmp_path / 'out').is_file()


def test_missing_array_is_named_with_its_shape(small_folder, inputs, tmp_path):
    del inputs['fut_cmds']
    sentence = refusal(small_folder, write(tmp_path / 'in.npz', inputs))
    assert "array 'fut_cmds' is missing; expected shape (3, 5, 3)" in sentence


@pytest.mark.parametrize(
    ('name', 'shape', 'expected'),
    [
        ('proprio_obs_hist', (3, 3, 5), '(B, 4, 5)'),
        ('proprio_obs_hist', (4, 5), '(B, 4, 5)'),
        ('proprio_obs_hist', (0, 4, 5), '(B, 4, 5)'),
        ('extero_obs', (2, 28), '(3, 28)'),
        ('fut_acts', (), '(3, 4, 2)'),
    ],
)
def test_wrong_shape_is_named_with_the_right_one(
    small_folder, inputs, tmp_path, name, shape, expected
):
    path = write(tmp_path / 'in.npz', {**inputs, name: np.zeros(shape)})
    assert f'array {name!r} has shape {shape}, expected {expected}' in refusal(small_folder, path)


@pytest.mark.parametrize('values', [np.nan, np.inf, 1e300, 'one', True, 1j], ids=str)
def test_what_is_not_a_finite_number_is_refused(small_folder, inputs, tmp_path, values):
    path = write(tmp_path / 'in.npz', {**inputs, 'fut_acts': np.full((3, 4, 2), values)})
    sentence = refusal(small_folder, path)
    assert "array 'fut_acts' of type" in sentence
    assert 'must hold finite numbers' in sentence


def test_missing_file_is_refused(small_folder, tmp_path):
    assert 'there is no such file' in refusal(small_folder, tmp_path / 'none.npz')


@pytest.mark.parametrize('content', [b'', b'rubbish', b'PK\x03\x04rubbish'])
def test_file_that_is_no_npz_is_refused(small_folder, tmp_path, content):
    path = tmp_path / 'in.npz'
    path.write_bytes(content)
    assert 'not an npz of plain arrays' in refusal(small_folder, path)


def test_damaged_file_is_refused(small_folder, inputs, tmp_path):
    path = tmp_path / 'in.npz'
    np.savez_compressed(path, **inputs)
    path.write_bytes(path.read_bytes()[:200] + b'\0' * 60 + path.read_bytes()[260:])
    assert 'not an npz of plain arrays' in refusal(small_folder, path)


def test_single_array_is_refused(small_folder, tmp_path):
    np.save(tmp_path / 'in.npy', np.zeros(3))
    assert 'not an npz of plain arrays' in refusal(small_folder, tmp_path / 'in.npy')


def test_pickled_objects_are_refused(small_folder, inputs, tmp_path):
    path = write(tmp_path / 'in.npz', {**inputs, 'fut_acts': np.array([{}], dtype=object)})
    assert 'not an npz of plain arrays' in refusal(small_folder, path)


def test_output_that_cannot_be_written_is_refused(small_folder, inputs, tmp_path):
    path = write(tmp_path / 'in.npz', inputs)
    with pytest.raises(ConfigError, match='cannot be written'):
        predict_file(small_folder, path, tmp_path / 'nowhere' / 'out.npz')


def test_missing_model_is_refused(inputs, tmp_path):
    path = write(tmp_path / 'in.npz', inputs)
    with pytest.raises(CheckpointError, match='there is no such model folder'):
        predict_file(tmp_path / 'none', path, tmp_path / 'out.npz')
