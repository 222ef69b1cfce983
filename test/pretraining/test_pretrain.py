from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from simdist_ros.cli import main
from simdist_ros.embodiment.robot import load_robot
from simdist_ros.world_model.store.checkpoint import load_model

SIZES = {
    'expert.total_steps': 768,
    'collect.total_steps': 1600,
    'collect.shard_steps': 800,
    'train.num_steps': 10,
    'train.validation_interval': 10,
    'imitate.rollout_steps': 40,
    'imitate.round_steps': 3,
}
SMALL = [word for name, value in SIZES.items() for word in ('--set', f'{name}={value}')]


def run(folder: Path, *arguments: str) -> int:
    paths = ['--out', str(folder / 'model'), '--work', str(folder / 'work')]
    return main(['pretrain', *arguments, *paths, '--preset', 'smoke', '--threads', '1', *SMALL])


@pytest.fixture(scope='module')
def pretrained(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp('pretrained')
    assert run(folder) == 0
    return folder


def content(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob('*')
        if path.is_file()
    }


def test_one_command_makes_a_model_that_loads(pretrained):
    loaded = load_model(pretrained / 'model', load_robot('go2'))
    assert loaded.manifest.created_by.startswith(
        'simdist pretrain --robot go2 --preset smoke, seed 0'
    )
    assert 'held_out.reward' in loaded.manifest.metrics
    assert 'held_out.action' not in loaded.manifest.metrics  # the policy head has changed since
    assert 'imitate.falls_per_minute.last' in loaded.manifest.metrics
    assert 'policy.nominal.0.5.falls' in loaded.manifest.metrics


def test_the_expert_and_the_report_lie_beside_it(pretrained):
    assert (pretrained / 'model' / 'expert.safetensors').is_file()
    size = sum(path.stat().st_size for path in (pretrained / 'model').iterdir())
    assert size < 10e6
    report = (pretrained / 'work' / 'evaluate' / 'report.md').read_text()
    assert '| nominal | 0.5 | expert | 1 |' in report
    for word in ('Closed loop', 'Open loop', 'Predicted against real', 'Falls foreseen'):
        assert word in report
    for plot in ('open_loop', 'calibration', 'values'):
        assert (pretrained / 'work' / 'evaluate' / f'{plot}.png').is_file()


def test_what_is_finished_is_not_done_again(pretrained):
    before = content(pretrained)
    assert run(pretrained) == 0
    assert content(pretrained) == before


@pytest.mark.parametrize(
    ('arguments', 'sentence'),
    [
        (['--preset', 'smok'], "unknown preset 'smok'; did you mean 'smoke'?"),
        (['trane'], "unknown stage 'trane'; did you mean 'train'?"),
        (['--robot', 'go3'], "unknown robot 'go3'; did you mean 'go2'?"),
        (['--set', 'train.num_step=3'], "unknown setting 'num_step'; did you mean 'num_steps'?"),
        (['--set', 'train.num_steps=few'], 'it must be a whole number'),
        (['--set', 'num_steps'], 'not of the form STAGE.SETTING=VALUE'),
        (['--threads', '0'], '--threads is 0; allowed: 1 .. 1024'),
        (['train', '--set', 'train.peak_rate=0.5'], 'settings.peak_rate = 0.001, now it is 0.5'),
    ],
)
def test_bad_input_is_refused_in_one_sentence_and_changes_nothing(
    pretrained, capsys, arguments, sentence
):
    before = content(pretrained)
    paths = ['--out', str(pretrained / 'model'), '--work', str(pretrained / 'work')]
    preset = [] if '--preset' in arguments else ['--preset', 'smoke']
    changed = SMALL if 'train.peak_rate=0.5' in arguments else []
    assert main(['pretrain', *paths, *preset, *changed, *arguments]) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert error.strip().count('\n') == 0
    assert content(pretrained) == before


def test_an_output_folder_with_something_else_in_it_is_refused_before_anything_is_done(
    tmp_path, capsys
):
    (tmp_path / 'model').mkdir()
    (tmp_path / 'model' / 'thesis.tex').write_text('all my work')
    assert run(tmp_path) == 2
    assert 'holds something else than a model (thesis.tex)' in capsys.readouterr().err
    assert not (tmp_path / 'work').exists()


def test_a_model_that_this_work_did_not_make_is_replaced_only_with_overwrite(
    pretrained, tmp_path, capsys
):
    shutil.copytree(pretrained / 'model', tmp_path / 'model')
    before = content(tmp_path / 'model')
    assert run(tmp_path) == 2
    assert capsys.readouterr().err == (
        f'error: {tmp_path / "model"} holds a model already; choose another folder, or replace it '
        'with --overwrite\n'
    )
    assert content(tmp_path / 'model') == before
    assert not (tmp_path / 'work').exists()
    shutil.copytree(pretrained / 'work', tmp_path / 'work')
    assert run(tmp_path) == 0  # the same work goes on
    shutil.rmtree(tmp_path / 'work' / 'evaluate')
    (tmp_path / 'work' / 'written.yaml').unlink()
    assert run(tmp_path, '--overwrite') == 0
    assert (tmp_path / 'work' / 'written.yaml').is_file()


@pytest.mark.parametrize('option', ['--out', '--work'])
def test_a_place_that_cannot_be_written_is_refused_before_anything_is_done(
    tmp_path, capsys, option
):
    (tmp_path / 'file').write_text('in the way')
    paths = {'--out': tmp_path / 'model', '--work': tmp_path / 'work'}
    paths[option] = tmp_path / 'file' / 'folder'
    given = [text for name, path in paths.items() for text in (name, str(path))]
    assert main(['pretrain', *given, '--preset', 'smoke']) == 2
    said = capsys.readouterr().err
    assert said.startswith(f'error: {option} {tmp_path}/file/folder: {tmp_path}/file is a file')
    assert [path.name for path in tmp_path.iterdir()] == ['file']


def test_only_a_model_of_this_command_is_evaluated_into(pretrained, tmp_path, capsys):
    (tmp_path / 'model').mkdir()
    for path in (pretrained / 'model').iterdir():
        (tmp_path / 'model' / path.name).write_bytes(path.read_bytes())
    manifest = tmp_path / 'model' / 'manifest.yaml'
    values = yaml.safe_load(manifest.read_text())
    manifest.write_text(yaml.safe_dump(values | {'created_by': 'simdist import-upstream'}))
    assert run(tmp_path, 'evaluate') == 2
    assert "was made by 'simdist import-upstream'" in capsys.readouterr().err


def test_data_of_another_robot_are_refused(pretrained, tmp_path, capsys):
    data = tmp_path / 'work' / 'data'
    for path in (pretrained / 'work' / 'data').rglob('*'):
        if path.is_file():
            target = data / path.relative_to(pretrained / 'work' / 'data')
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    for manifest in data.rglob('manifest.yaml'):
        values = yaml.safe_load(manifest.read_text())
        manifest.write_text(yaml.safe_dump(values | {'robot': 'a1'}))
    assert run(tmp_path, 'train') == 2
    assert "robot is 'a1', expected 'go2'" in capsys.readouterr().err
    assert not (tmp_path / 'model').exists()


def test_an_evaluation_without_a_model_says_what_makes_one(tmp_path, capsys):
    assert run(tmp_path, 'evaluate') == 2
    assert 'holds no model; run `simdist pretrain imitate` first' in capsys.readouterr().err


def test_several_processes_share_only_the_training(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv('WORLD_SIZE', '2')
    assert run(tmp_path) == 2
    assert 'start `simdist pretrain train` with torchrun' in capsys.readouterr().err
