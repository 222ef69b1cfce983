"""Conversion of the published checkpoint."""

from __future__ import annotations

import shutil
import sys

import numpy as np
import pytest
import torch
import yaml

from simdist_ros.core.errors import CheckpointError
from simdist_ros.world_model.upstream.convert import (
    Config,
    import_upstream,
    model_from_arrays,
    upstream_architecture,
)
from simdist_ros.world_model.upstream.orbax import find_step, read_arrays

RUN = 'go2_2026-02-12'


@pytest.fixture(scope='module')
def weights(upstream):
    with np.load(upstream / 'weights.npz') as file:
        return {name: file[name] for name in file.files}


@pytest.fixture
def copied_run(upstream, tmp_path):
    return shutil.copytree(upstream / RUN, tmp_path / RUN)


@pytest.fixture(scope='module')
def config(upstream):
    return Config(upstream / RUN / 'model_config.yaml')


def test_arrays_are_read_as_they_were_published(upstream, weights):
    pytest.importorskip('tensorstore', reason='tensorstore is not installed')
    arrays = read_arrays(upstream / RUN / '367004')
    assert arrays.keys() == weights.keys()
    for name, expected in weights.items():
        np.testing.assert_array_equal(arrays[name], expected, err_msg=name)


def test_import_gives_the_weights_that_were_published(published_model, weights, config):
    expected = model_from_arrays(weights, upstream_architecture(config), 'weights.npz')
    state = published_model.state_dict()
    for name, value in expected.state_dict().items():
        assert torch.equal(state[name], value), name


def test_run_is_found_from_its_own_folder_and_from_the_one_above(upstream):
    assert find_step(upstream) == find_step(upstream / RUN) == upstream / RUN / '367004'


def test_newest_step_is_chosen(tmp_path):
    for step in ('9', '10', 'latest'):
        (tmp_path / step / 'default').mkdir(parents=True)
        (tmp_path / step / 'default' / 'manifest.ocdbt').touch()
    assert find_step(tmp_path).name == '10'


def test_several_runs_are_refused(tmp_path):
    for run in ('a', 'b'):
        (tmp_path / run / '1' / 'default').mkdir(parents=True)
        (tmp_path / run / '1' / 'default' / 'manifest.ocdbt').touch()
    with pytest.raises(CheckpointError, match='holds several checkpoints; name the folder of one'):
        find_step(tmp_path)


@pytest.mark.parametrize('folder', ['.', 'missing'])
def test_folder_without_a_checkpoint_is_refused(tmp_path, folder):
    with pytest.raises(CheckpointError, match='no published checkpoint found'):
        import_upstream(tmp_path / folder, tmp_path / 'out')
    assert not (tmp_path / 'out').exists()


def test_missing_tensorstore_says_what_to_install(upstream, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'tensorstore', None)
    with pytest.raises(CheckpointError, match=r"pip install 'simdist_ros\[upstream\]'"):
        import_upstream(upstream, tmp_path / 'out')


def test_damaged_checkpoint_is_refused_in_one_sentence(copied_run, tmp_path):
    pytest.importorskip('tensorstore', reason='tensorstore is not installed')
    for path in (copied_run / '367004' / 'default').rglob('d/*'):
        path.write_bytes(b'rubbish')
    with pytest.raises(CheckpointError, match='the checkpoint is damaged') as caught:
        import_upstream(copied_run, tmp_path / 'out')
    assert '\n' not in str(caught.value)
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        (lambda v: v.pop('model'), r"entry '.*' is missing"),
        (lambda v: v['model']['encoder'].update(latent_layers=3), 'is 2, expected 3'),
        (lambda v: v['model']['embedding'].update(reward_layers=1), 'is 1, expected 0'),
        (lambda v: v['model']['dynamics']['attention'].update(mask=None), "expected 'causal'"),
        (lambda v: v['system']['extero_obs'].update(types=[]), 'expected one height scan'),
        (
            lambda v: v['model']['encoder']['extero_obs']['height_cnn'].update(strides=[1, 2]),
            'one stride for all',
        ),
    ],
)
def test_configuration_of_another_kind_is_refused(upstream, tmp_path, change, said):
    values = yaml.safe_load((upstream / 'model_config.yaml').read_text())
    change(values)
    path = tmp_path / 'model_config.yaml'
    path.write_text(yaml.safe_dump(values))
    with pytest.raises(CheckpointError, match=said):
        upstream_architecture(Config(path))


def test_missing_array_is_named_as_published(weights, config):
    fewer = {name: x for name, x in weights.items() if name != 'policy_dec/output_layer/bias'}
    with pytest.raises(CheckpointError, match="'policy_dec/output_layer/bias' is missing"):
        model_from_arrays(fewer, upstream_architecture(config), 'here')


def test_extra_array_is_named_as_published(weights, config):
    more = {**weights, 'spare': np.zeros(1)}
    with pytest.raises(CheckpointError, match="array 'spare' is not expected"):
        model_from_arrays(more, upstream_architecture(config), 'here')


def test_array_of_another_shape_is_refused(weights, config):
    other = {**weights, 'fut_acts_embed/pos_emb': np.zeros((24, 64), dtype=np.float32)}
    with pytest.raises(CheckpointError, match=r'float32 \(24, 64\), expected float32 \(25, 64\)'):
        model_from_arrays(other, upstream_architecture(config), 'here')
