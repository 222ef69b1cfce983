"""From bags to an adapted model by the commands, and what happens when something goes wrong."""

from __future__ import annotations

import json

import numpy as np
import pytest
import yaml

from simdist_ros.adaptation.adapt import data_of_episodes, pretraining_walks
from simdist_ros.adaptation.nominal_walks import NominalWalks
from simdist_ros.adaptation.whole_windows import windows_of
from simdist_ros.cli import main
from simdist_ros.embodiment.robot import load_robot
from simdist_ros.jobs.folder_lock import lock_folder
from simdist_ros.transitions.shards.replay import Replay
from simdist_ros.world_model.model import WorldModel
from simdist_ros.world_model.store import checkpoint
from simdist_ros.world_model.store.checkpoint import load_model, save_model
from simdist_ros.world_model.store.manifest import read_manifest

from ..transitions.walk_messages import walk, write_bag
from .conftest import lived

PIECES = ('--set', 'bags.episode_s=0.5', '--set', 'bags.min_episode_s=0.2')
QUICK = (
    *PIECES,
    *('--set', 'finetune.max_steps=20', '--set', 'finetune.validation_interval=10'),
    *('--set', 'finetune.batch_size=8', '--set', 'finetune.residual_hidden=8'),
    *('--set', 'gate.num_plans=2', '--set', 'gate.max_rank_loss=2.0'),
    *('--set', 'nominal.rounds=0'),
)


@pytest.fixture(scope='module')
def bag(tmp_path_factory):
    return write_bag(tmp_path_factory.mktemp('bags') / 'walk', walk(load_robot('go2'), 250))


@pytest.fixture
def folder(tmp_path, architecture):
    """A folder of models with a parent in it."""
    models = tmp_path / 'models'
    model = WorldModel(architecture, seed=1)
    save_model(models / 'parent', model, robot='go2', created_by='a test')
    return models


def content(path):
    return {file.name: file.read_bytes() for file in path.iterdir()}


def finetune(folder, bag, *more, out='child', model='parent'):
    return main(
        [
            *('finetune', '--bag', str(bag), '--model', str(folder / model)),
            *('--out', str(folder / out), *QUICK, *more),
        ]
    )


def sentence(capsys):
    err = capsys.readouterr().err
    assert err.startswith('error: ')
    assert err.count('\n') == 1, err
    return err.removeprefix('error: ').strip()


def test_an_adapted_model_is_its_parents_child_and_says_how_it_was_made(folder, bag, capsys):
    before = content(folder / 'parent')
    code = finetune(folder, bag)
    out = capsys.readouterr().out
    manifest = read_manifest(folder / 'child')
    assert {path.name for path in (folder / 'child').iterdir()} == {
        'dynamics.safetensors',
        'manifest.yaml',
    }
    assert content(folder / 'parent') == before
    about = manifest.adaptation
    assert manifest.parent == '../parent'
    assert manifest.parent_identity == read_manifest(folder / 'parent').identity
    assert about['method'] == 'dynamics'
    assert about['bags'][0]['path'] == str(bag)
    assert about['bags'][0]['transitions'] == 250
    assert sum(about['episodes'].values()) == 10
    assert about['verdict']['accepted'] is True
    assert about['verdict']['checks']['plans'].startswith('2 of 2 plans')  # as QUICK says
    assert code == 0
    assert about['verdict']['reason'] in out
    assert about['verdict']['figures'] == manifest.metrics
    assert load_model(folder / 'child', load_robot('go2')).manifest == manifest
    assert not list(folder.glob('.*'))  # no lock stays

    assert finetune(folder, bag) == 2
    assert sentence(capsys) == (
        f'{folder / "child"} holds a model already; choose another folder, or replace it with '
        '--overwrite'
    )

    finetune(folder, bag, '--method', 'residual', model='child', out='grandchild')
    capsys.readouterr()
    assert main(['models', str(folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [len(line) - len(line.lstrip()) for line in lines] == [0, 4, 8]
    assert lines[0].strip().startswith('parent [')
    before, after = (manifest.metrics[name] for name in ('error_before', 'error_after'))
    assert f'dynamics on walk: accepted, error {before:.4f} -> {after:.4f}' in lines[1]
    assert 'residual on walk: ' in lines[2]


def test_a_candidate_that_is_no_better_is_written_and_refused_by_exit_code(folder, bag, capsys):
    assert finetune(folder, bag, '--set', 'finetune.min_improvement=1.0') == 3
    about = read_manifest(folder / 'child').adaptation
    assert about['verdict']['accepted'] is False
    assert (about['num_steps'], about['best_step']) == (20, 0)
    assert 'refused: held-out error ' in capsys.readouterr().out


def test_what_is_rehearsed_does_not_judge_what_was_forgotten(tmp_path, robot, architecture):
    replay = Replay(tmp_path / 'replay', robot)
    for number in range(10):
        replay.add(lived(number))
    known = pretraining_walks(tmp_path / 'replay', robot, architecture)
    first = [
        {windows.gather(np.array([n])).actions.tobytes() for n in range(len(windows))}
        for windows in (known.rehearsed, known.judging)
    ]
    assert (len(first[0]), len(first[1])) == (8 * 34, 2 * 34)
    assert not first[0] & first[1]


def test_reference_bags_judge_before_what_is_kept_of_the_rehearsal(episodes, architecture):
    a, b, c = (windows_of(episodes, np.array([place]), architecture) for place in range(3))
    numbers = episodes.numbers

    def given(**more):
        data = data_of_episodes(episodes, numbers, architecture, **more)
        return data.finetune.rehearsal, data.gate.reference

    assert given() == (None, None)
    known = NominalWalks(rehearsed=a, judging=b)
    assert given(known=known) == (a, b)
    assert given(reference=c) == (None, c)
    assert given(known=known, reference=c) == (a, c)


def test_the_command_judges_forgetting_on_the_reference_bags_it_is_given(
    folder, bag, tmp_path, robot
):
    reference = write_bag(tmp_path / 'reference', walk(load_robot('go2'), 75))
    replay = Replay(tmp_path / 'replay', robot)
    for number in range(10):
        replay.add(lived(number))
    rehearsal = ('--rehearsal', str(tmp_path / 'replay'))
    for more, count in ((rehearsal, 2), ((*rehearsal, '--reference', str(reference)), 3)):
        finetune(folder, bag, *more, out=f'child_{count}')
        verdict = read_manifest(folder / f'child_{count}').adaptation['verdict']
        assert f' in {count} episodes' in verdict['checks']['reference']
        assert verdict['figures']['reference_episodes'] == count


def test_an_evaluation_says_how_the_error_grows_and_what_was_seen_before(
    folder, bag, tmp_path, capsys
):
    finetune(folder, bag)
    models = [str(folder / name) for name in ('parent', 'child')]
    out = tmp_path / 'evaluation'
    capsys.readouterr()
    code = main(['evaluate', '--bag', str(bag), '--model', *models, '--out', str(out), *PIECES])
    assert code == 0
    shown = capsys.readouterr().out
    assert '250 transitions in 10 episodes, 0 falls; discarded: none' in shown
    assert f'child was adapted on {bag}.' in shown
    data = json.loads((out / 'evaluation.json').read_text())
    assert [len(one['error']) for one in data['models']] == [4, 4]
    assert data['models'][0]['has_seen'] == []
    assert (out / 'evaluation.png').read_bytes().startswith(b'\x89PNG')
    assert (out / 'evaluation.md').read_text().startswith('| model | 1 ahead |')


def test_a_process_killed_while_writing_leaves_no_model_and_the_next_one_writes_it(
    folder, bag, monkeypatch, capsys
):
    before = content(folder / 'parent')
    written = checkpoint.write_atomic

    def killed(path, data):
        if path.name == 'manifest.yaml':
            raise KeyboardInterrupt
        written(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, 'write_atomic', killed)
        assert finetune(folder, bag) == 130
    assert not (folder / 'child' / 'manifest.yaml').exists()
    assert content(folder / 'parent') == before
    assert finetune(folder, bag) == 0
    load_model(folder / 'child')


def test_a_full_disk_is_one_sentence_and_loses_nothing(folder, bag, monkeypatch, capsys):
    before = content(folder / 'parent')

    def full(path, data):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(checkpoint, 'write_atomic', full)
    assert finetune(folder, bag) == 2
    assert 'cannot be written ([Errno 28] No space left on device)' in sentence(capsys)
    assert content(folder / 'parent') == before


def test_two_at_once_into_one_folder_are_refused(folder, bag, capsys):
    with lock_folder(folder / 'child'):
        assert finetune(folder, bag) == 2
    assert 'is being written by another process' in sentence(capsys)
    assert not (folder / 'child').exists()
    assert not list(folder.glob('.*'))


def test_a_folder_of_something_else_is_refused_before_anything_is_trained(folder, bag, capsys):
    (folder / 'child').mkdir()
    (folder / 'child' / 'thesis.tex').write_text('all my work')
    assert finetune(folder, bag) == 2
    assert 'holds something else than a model (thesis.tex)' in sentence(capsys)
    assert (folder / 'child' / 'thesis.tex').read_text() == 'all my work'


@pytest.mark.parametrize(
    ('more', 'expected'),
    [
        (('--method', 'dynamic'), "unknown choice 'dynamic'; did you mean 'dynamics'?"),
        (('--set', 'finetune.stepz=3'), "unknown setting 'stepz'"),
        (('--set', 'finetun.seed=3'), "unknown section 'finetun'; did you mean 'finetune'?"),
        (('--set', 'finetune.batch_size=0'), 'batch_size is 0'),
        (('--set', 'bags.episode_s=100', '--set', 'bags.min_episode_s=1'), 'hold 1 of the 3'),
        (('--rehearsal', 'nowhere'), 'holds no transitions'),
        (('--reference', 'nowhere'), "bag 'nowhere' does not exist"),
        (('--robot', 'a2'), "unknown robot 'a2'"),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_sentence(folder, bag, capsys, more, expected):
    assert finetune(folder, bag, *more) == 2
    assert expected in sentence(capsys)
    assert not (folder / 'child').exists()


def test_an_empty_bag_and_a_bag_of_another_robot_are_refused(folder, tmp_path, capsys):
    assert finetune(folder, write_bag(tmp_path / 'empty', [])) == 2
    assert 'holds no messages' in sentence(capsys)
    other = write_bag(tmp_path / 'other', walk(load_robot('go2'), 3), robot='a1')
    assert finetune(folder, other) == 2
    assert "is of robot 'a1', expected 'go2'" in sentence(capsys)


def test_the_tree_shows_what_is_damaged_and_what_lacks_its_parent(folder, capsys, model):
    child, damaged = folder / 'deep' / 'child', folder / 'damaged'
    save_model(
        child,
        model,
        robot='go2',
        created_by='a test',
        parent='../../parent',
        adaptation={'method': 'dynamics'},
    )
    damaged.mkdir()
    (damaged / 'manifest.yaml').write_text('format_version: 99\n')
    data = folder / 'data'
    data.mkdir()
    (data / 'manifest.yaml').write_text(yaml.safe_dump({'kind': 'transitions'}))
    assert main(['models', str(folder / 'deep')]) == 0
    assert f'(from {folder / "parent"}, not in this folder)' in capsys.readouterr().out
    assert main(['models', str(folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith('damaged: ')
    assert 'install a newer simdist_ros' in lines[0]
    assert main(['models', str(folder / 'nowhere')]) == 2
