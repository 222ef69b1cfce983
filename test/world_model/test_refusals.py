"""What a damaged or foreign model folder is told: one sentence with file, rule and remedy."""

from __future__ import annotations

from dataclasses import replace

import pytest
import safetensors.torch
import torch
import yaml

from simdist_ros.core.errors import CheckpointError
from simdist_ros.embodiment.height_map import HeightMap
from simdist_ros.embodiment.robot import Joint, Robot
from simdist_ros.world_model.store.checkpoint import load_model
from simdist_ros.world_model.store.manifest import sha256

ROBOT = Robot(
    name='toy',
    joints=(Joint(name='a'), Joint(name='b')),
    proprio_obs=('base_lin_vel', 'cos_sin_phase'),
    tasks={'velocity': {'command_low': (0.0, 0.0, 0.0), 'command_high': (1.0, 1.0, 1.0)}},
    height_map=HeightMap(columns=7, rows=4),
)


def refusal(folder, robot=None):
    with pytest.raises(CheckpointError) as caught:
        load_model(folder, robot)
    sentence = str(caught.value)
    assert '\n' not in sentence
    assert str(folder) in sentence
    return sentence


def edit_manifest(folder, **entries):
    path = folder / 'manifest.yaml'
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **entries}))


def overwrite(folder, name, data):
    """Replace a file and make the manifest agree with it."""
    (folder / name).write_bytes(data)
    files = yaml.safe_load((folder / 'manifest.yaml').read_text())['files']
    edit_manifest(folder, files={**files, name: sha256(data)})


def edit_weights(folder, name, change):
    state = safetensors.torch.load_file(folder / name)
    change(state)
    overwrite(folder, name, safetensors.torch.save(state))


def test_matching_robot_is_accepted(small_folder):
    assert load_model(small_folder, ROBOT).manifest.robot == 'toy'


def test_missing_folder(tmp_path):
    assert 'there is no such model folder; check the path' in refusal(tmp_path / 'none')


def test_missing_manifest(small_folder):
    (small_folder / 'manifest.yaml').unlink()
    assert 'manifest.yaml is missing, so the model is incomplete; import it' in refusal(
        small_folder
    )


@pytest.mark.parametrize('content', [b'', b'- 1', b'{', b'\xff\xfe'])
def test_unreadable_manifest(small_folder, content):
    (small_folder / 'manifest.yaml').write_bytes(content)
    assert 'import the model or train it again' in refusal(small_folder)


def test_newer_format(small_folder):
    edit_manifest(small_folder, format_version=2, files='unheard of')
    assert refusal(small_folder).endswith(
        'manifest.yaml: format_version is 2, expected at most 1; install a newer simdist_ros'
    )


@pytest.mark.parametrize('version', [None, 0, '1', True, 1.0])
def test_senseless_format(small_folder, version):
    edit_manifest(small_folder, format_version=version)
    assert f'format_version is {version!r}, expected 1 .. 1' in refusal(small_folder)


@pytest.mark.parametrize(
    ('entry', 'value'), [('robot', 7), ('files', None), ('metrics', []), ('parent', None)]
)
def test_entry_of_a_wrong_type(small_folder, entry, value):
    edit_manifest(small_folder, **{entry: value})
    assert f"entry '{entry}' is {value!r}, expected a" in refusal(small_folder)


def test_files_that_are_not_hashes(small_folder):
    edit_manifest(small_folder, files={'model.yaml': 5})
    assert "entry 'files' must give the SHA-256 of each file" in refusal(small_folder)


def test_file_that_the_manifest_leaves_out(small_folder):
    edit_manifest(small_folder, files={})
    assert 'model.yaml is not listed, expected model.yaml, encoder' in refusal(small_folder)


@pytest.mark.parametrize('parent', ['', '../small'])
def test_missing_file(small_folder, parent):
    (small_folder / 'heads.safetensors').unlink()
    edit_manifest(small_folder, parent=parent)
    assert 'heads.safetensors is missing, expected a file that' in refusal(small_folder)


def test_missing_parent(small_folder):
    (small_folder / 'heads.safetensors').unlink()
    edit_manifest(small_folder, parent='../gone')
    with pytest.raises(CheckpointError, match='gone: there is no such model folder'):
        load_model(small_folder)


def test_wrong_hash(small_folder):
    path = small_folder / 'dynamics.safetensors'
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    sentence = refusal(small_folder)
    assert 'dynamics.safetensors: SHA-256 is ' in sentence
    assert f'{sha256(bytes(data))[:12]}..., expected ' in sentence
    assert 'restore it, or import the model or train it again' in sentence


def test_file_that_is_no_safetensors(small_folder):
    overwrite(small_folder, 'encoder.safetensors', b'rubbish')
    assert 'encoder.safetensors: not a safetensors file' in refusal(small_folder)


def test_missing_array(small_folder):
    edit_weights(small_folder, 'heads.safetensors', lambda s: s.pop('value_head.output.bias'))
    assert "heads.safetensors: array 'value_head.output.bias' is missing" in refusal(small_folder)


def test_extra_array(small_folder):
    edit_weights(small_folder, 'heads.safetensors', lambda s: s.update(spare=torch.zeros(1)))
    assert "heads.safetensors: array 'spare' is not expected here" in refusal(small_folder)


def test_wrong_shape(small_folder):
    edit_weights(
        small_folder,
        'dynamics.safetensors',
        lambda s: s.update({'action.linear.bias': torch.zeros(3)}),
    )
    assert (
        "dynamics.safetensors: array 'action.linear.bias' is float32 (3,), "
        'expected float32 (16,) by model.yaml'
    ) in refusal(small_folder)


def test_wrong_type(small_folder):
    edit_weights(
        small_folder,
        'normalizer.safetensors',
        lambda s: s.update(action_low=torch.zeros(2, dtype=torch.float64)),
    )
    assert "array 'action_low' is float64 (2,), expected float32 (2,)" in refusal(small_folder)


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_weights_that_are_not_finite(small_folder, value):
    edit_weights(small_folder, 'dynamics.safetensors', lambda s: s['action.position'].fill_(value))
    sentence = refusal(small_folder)
    assert "dynamics.safetensors: array 'action.position' holds NaN or infinity" in sentence
    assert sentence.endswith('go back to an earlier model')


@pytest.mark.parametrize(
    'content', [b'latent_dims: 3', b'latent_dim: [', b'latent_dim: yes', b'5', b'\xff']
)
def test_senseless_architecture(small_folder, content):
    overwrite(small_folder, 'model.yaml', content)
    assert 'import the model or train it again' in refusal(small_folder)


def test_other_robot(small_folder):
    assert refusal(small_folder, replace(ROBOT, name='go2')).endswith(
        "manifest.yaml: the model is for robot 'toy', expected 'go2'; choose a model of this robot"
    )


@pytest.mark.parametrize(
    ('robot', 'said'),
    [
        (replace(ROBOT, joints=ROBOT.joints[:1]), "action_dim is 2, but robot 'toy' has 1"),
        (replace(ROBOT, proprio_obs=('joint_pos',)), 'proprio_obs_dim is 5, but robot'),
        (replace(ROBOT, height_map=HeightMap(columns=4, rows=7)), 'extero_rows is 4, but robot'),
        (replace(ROBOT, height_map=None), "extero_rows is 4, but robot 'toy' has 0"),
        (
            replace(
                ROBOT, tasks={'velocity': {'command_low': (0.0, 0.0), 'command_high': (1.0, 1.0)}}
            ),
            'command_dim is 3, but robot',
        ),
    ],
)
def test_other_version_of_the_robot(small_folder, robot, said):
    assert f'model.yaml: {said}' in refusal(small_folder, robot)
