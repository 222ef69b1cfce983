"""Saving and loading models as folders."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from simdist_ros.core import atomic
from simdist_ros.core.errors import CheckpointError
from simdist_ros.world_model.store import checkpoint, model_files
from simdist_ros.world_model.store.checkpoint import find_model, load_model, save_model
from simdist_ros.world_model.store.manifest import read_manifest

FILES = {
    'model.yaml',
    'encoder.safetensors',
    'dynamics.safetensors',
    'heads.safetensors',
    'normalizer.safetensors',
}


def save(folder, model, **entries):
    return save_model(
        folder, model, robot='toy', created_by='a test', **{'overwrite': True, **entries}
    )


def names(folder):
    return {path.name for path in folder.iterdir()}


def equal(model, other):
    state = other.state_dict()
    return all(torch.equal(x, state[name]) for name, x in model.state_dict().items())


def change(module):
    with torch.no_grad():
        next(module.parameters()).add_(1.0)


def test_loaded_model_is_the_one_that_was_saved(small_model, tmp_path):
    small_model.normalizer.action_low.fill_(-1.25)
    save(tmp_path / 'm', small_model, metrics={'return': 0.5})
    loaded = load_model(tmp_path / 'm')
    assert loaded.model.architecture == small_model.architecture
    assert equal(loaded.model, small_model)
    assert loaded.manifest.metrics == {'return': 0.5}
    assert loaded.manifest.robot == 'toy'
    assert not loaded.model.training


def test_each_part_that_freezes_separately_has_its_own_file(small_folder):
    assert names(small_folder) == FILES | {'manifest.yaml'}


@pytest.mark.parametrize('part', ['encoder', 'dynamics', 'heads'])
def test_changing_a_part_changes_its_hash_alone(small_model, small_folder, tmp_path, part):
    change(getattr(small_model, part))
    before, after = read_manifest(small_folder), save(tmp_path / 'new', small_model)
    changed = {name for name in FILES if before.files[name] != after.files[name]}
    assert changed == {f'{part}.safetensors'}


def test_saving_twice_gives_the_same_bytes(small_model, small_folder, tmp_path):
    assert save(tmp_path / 'new', small_model) == read_manifest(small_folder)


def test_adapted_model_holds_only_what_differs_from_its_parent(
    small_model, small_folder, tmp_path
):
    change(small_model.dynamics)
    child = tmp_path / 'child'
    save(child, small_model, parent='../small')
    assert names(child) == {'dynamics.safetensors', 'manifest.yaml'}
    assert equal(load_model(child).model, small_model)


def test_adapted_model_may_itself_be_adapted(small_model, small_folder, tmp_path):
    change(small_model.dynamics)
    save(tmp_path / 'child', small_model, parent='../small')
    change(small_model.heads)
    save(tmp_path / 'grandchild', small_model, parent='../child')
    assert names(tmp_path / 'grandchild') == {'heads.safetensors', 'manifest.yaml'}
    assert equal(load_model(tmp_path / 'grandchild').model, small_model)


def test_adapted_model_notices_that_its_parent_was_changed(small_model, small_folder, tmp_path):
    save(tmp_path / 'child', small_model, parent='../small')
    change(small_model.encoder)
    save(small_folder, small_model)
    with pytest.raises(CheckpointError, match=r'small/encoder\.safetensors: SHA-256 is'):
        load_model(tmp_path / 'child')


def test_model_cannot_be_its_own_parent(small_model, small_folder):
    with pytest.raises(CheckpointError, match='cannot be its own parent'):
        save(small_folder, small_model, parent='../small')
    assert equal(load_model(small_folder).model, small_model)


def test_older_model_in_the_folder_is_replaced_only_if_that_is_asked_for(
    small_model, small_folder
):
    before = {path.name: path.read_bytes() for path in small_folder.iterdir()}
    change(small_model.heads)
    with pytest.raises(CheckpointError, match='holds a model already; choose another folder'):
        save(small_folder, small_model, overwrite=False)
    assert {path.name: path.read_bytes() for path in small_folder.iterdir()} == before
    save(small_folder, small_model)
    assert equal(load_model(small_folder).model, small_model)


def test_folder_of_something_else_is_refused_and_left_alone(small_model, tmp_path):
    (tmp_path / 'thesis.tex').write_text('precious')
    with pytest.raises(
        CheckpointError, match=r'holds something else than a model \(thesis\.tex\)'
    ):
        save(tmp_path, small_model)
    assert names(tmp_path) == {'thesis.tex'}


def test_file_in_place_of_the_folder_is_refused(small_model, tmp_path):
    (tmp_path / 'm').write_text('precious')
    with pytest.raises(CheckpointError, match='is a file; choose a folder'):
        save(tmp_path / 'm', small_model)
    assert (tmp_path / 'm').read_text() == 'precious'


def test_manifest_is_written_last(small_model, tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr(checkpoint, 'write_atomic', lambda path, data: written.append(path.name))
    save(tmp_path / 'm', small_model)
    assert set(written[:-1]) == FILES
    assert written[-1] == 'manifest.yaml'


def test_interrupted_save_is_never_loaded_and_can_be_repeated(small_model, tmp_path, monkeypatch):
    def fail(path, data):
        if path.name == 'heads.safetensors':
            raise OSError('disk full')
        atomic.write_atomic(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, 'write_atomic', fail)
        with pytest.raises(CheckpointError, match=r'cannot be written \(disk full\)'):
            save(tmp_path / 'm', small_model)
    with pytest.raises(CheckpointError, match=r'manifest\.yaml is missing, so the model is incom'):
        load_model(tmp_path / 'm')
    save(tmp_path / 'm', small_model)
    assert equal(load_model(tmp_path / 'm').model, small_model)


def test_failed_write_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / 'file'
    path.write_bytes(b'old')

    def fail(*_):
        raise OSError('disk full')

    monkeypatch.setattr(os, 'replace', fail)
    with pytest.raises(OSError, match='disk full'):
        atomic.write_atomic(path, b'new')
    assert path.read_bytes() == b'old'
    assert names(tmp_path) == {'file'}


def test_model_is_found_by_path(small_folder):
    assert find_model(small_folder) == small_folder
    assert find_model(str(small_folder)) == small_folder


def test_model_is_found_by_name_before_a_folder_of_that_name(small_model, tmp_path, monkeypatch):
    monkeypatch.setattr(model_files, 'share_folder', lambda: tmp_path / 'share')
    monkeypatch.chdir(tmp_path)
    Path('go2').mkdir()
    assert find_model('go2') == Path('go2')
    save(tmp_path / 'share' / 'models' / 'go2', small_model)
    assert find_model('go2') == tmp_path / 'share' / 'models' / 'go2'


def test_unknown_name_gets_a_suggestion(small_model, tmp_path, monkeypatch):
    monkeypatch.setattr(model_files, 'share_folder', lambda: tmp_path)
    save(tmp_path / 'models' / 'go2', small_model)
    with pytest.raises(CheckpointError, match=r"unknown model 'g02'; did you mean 'go2'\?"):
        find_model('g02')


def test_unknown_path_is_named(tmp_path):
    with pytest.raises(CheckpointError, match='nowhere: there is no such model folder'):
        find_model(tmp_path / 'nowhere')
