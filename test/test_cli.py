from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from simdist_ros import __version__
from simdist_ros.cli import main
from simdist_ros.world_model.architecture import Architecture
from simdist_ros.world_model.inference import input_shapes
from simdist_ros.world_model.model import WorldModel
from simdist_ros.world_model.store.checkpoint import save_model


@pytest.fixture(scope='module')
def model(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp('models') / 'random'
    save_model(folder, WorldModel(Architecture(), seed=1), robot='go2', created_by='a test')
    return str(folder)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder to be in, so that whatever is written can be seen."""
    folder = tmp_path / 'here'
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def refusal(here, capsys):
    """Run a command that must be refused; return its sentence."""

    def run(*arguments: str) -> str:
        before = sorted(here.rglob('*'))
        try:
            code = main(arguments)
        except SystemExit as end:
            code = end.code
        out, err = capsys.readouterr()
        assert code == 2
        assert out == ''
        assert err.startswith('error: ')
        assert err.count('\n') == 1, err
        assert sorted(here.rglob('*')) == before, 'something was written'
        return err.removeprefix('error: ').rstrip('\n')

    return run


@pytest.mark.parametrize(
    ('arguments', 'sentence'),
    [
        (('--robot', 'go3'), "unknown robot 'go3'; did you mean 'go2'?"),
        (('--robot', 'mine.yaml'), "robot file 'mine.yaml' does not exist"),
        (('--world', 'nominl'), "unknown world 'nominl'; did you mean 'nominal'?"),
        (('--world', './steep.yaml'), "world file './steep.yaml' does not exist"),
        (
            ('--mode', 'locked'),
            "--mode: unknown choice 'locked'; did you mean 'lockstep'?",
        ),
        (('--seed', '-1'), '--seed is -1; allowed: 0 .. 4294967295'),
        (('--duration', '-1'), '--duration is -1.0 s; allowed: 0.0 .. inf s'),
        (('--vx', 'nan'), "--vx is 'nan'; it must be a finite number"),
        (
            ('--vx', '2.0'),
            "--vx is 2.0; robot 'go2' can be asked for -0.5 .. 1.5",
        ),
        (
            ('--heading-gain', '1', '--yaw-rate', '0.3'),
            '--heading-gain is 1.0 and --yaw-rate 0.3; a heading is held only where that is 0',
        ),
        (
            ('--set', 'planner.seed'),
            "--set 'planner.seed' is not of the form node.parameter=value",
        ),
        (('--set', 'planer.seed=1'), "unknown node 'planer'; did you mean 'planner'?"),
        (
            ('--set', 'planner.mppi.gamma='),
            "--set 'planner.mppi.gamma=' has no value; write one, or leave the override away",
        ),
        (
            ('--mode', 'lockstep', '--no-use-mock-hardware'),
            '--mode lockstep needs the stand-in; a real robot does not wait',
        ),
    ],
)
def test_up_refuses_what_cannot_be_started_in_one_sentence(refusal, model, arguments, sentence):
    assert refusal('up', '--model', model, *arguments) == sentence


def test_up_with_an_unknown_model_names_it(refusal):
    assert refusal('up', '--model', 'gone2').startswith("unknown model 'gone2'")
    assert refusal('up', '--model', 'models/gone') == (
        'models/gone: there is no such model folder; check the path'
    )


def test_up_leaves_a_bag_that_exists_alone(refusal, here, model):
    bag = here / 'bag'
    bag.mkdir()
    (bag / 'bag_0.mcap').write_bytes(b'kept')
    assert refusal('up', '--model', model, '--bag', 'bag') == (
        "bag 'bag' exists already; name a folder that does not"
    )
    assert (bag / 'bag_0.mcap').read_bytes() == b'kept'


def test_up_with_a_file_where_its_runs_should_go_says_so(refusal, here, model):
    (here / 'runs').write_text('a file')
    assert refusal('up', '--model', model).startswith('--runs runs: ')


def test_a_config_file_with_a_wrong_type_is_refused_by_its_name(refusal, here, model):
    (here / 'soft.yaml').write_text('payload_kg: heavy\n')
    sentence = refusal('up', '--model', model, '--world', './soft.yaml')
    assert str(here / 'soft.yaml') in sentence
    assert "is 'heavy'; it must be a finite number" in sentence


@pytest.mark.parametrize(
    ('arguments', 'start'),
    [
        (('upp',), "unknown command 'upp'; did you mean 'up'?"),
        (('dance',), "unknown command 'dance'; known: bench, completion, demo, estop, "),
        (('up', '--wrld', 'slope'), "unknown option '--wrld'; did you mean '--world'?"),
        (('up', '--sed=3'), "unknown option '--sed'; did you mean '--seed'?"),
        (
            ('predict', '--input', 'a', '--out', 'b', '--model', 'm', 'c'),
            'unrecognized arguments: c',
        ),
        (
            ('up', '--set', 'planner.model=a', 'planner.seed=2'),
            'planner.seed=2 stands alone; each setting takes a --set of its own',
        ),
        (('up', '--seed', 'three'), "--seed is 'three'; it must be a whole number"),
        (('up', '--seed', '9' * 30), f'--seed is {"9" * 30}; allowed: 0 .. 4294967295'),
        (('up', '--vy', '-1e3'), '--vy is -1000.0; robot'),
        (('predict', '--model', 'm'), 'the following arguments are required: --inputs, --output'),
    ],
)
def test_a_misspelt_command_or_option_is_refused(refusal, arguments, start):
    assert refusal(*arguments).startswith(start)


def test_no_writer_of_models_replaces_one_unasked(refusal, model):
    said = refusal('import-upstream', 'gone', model)
    assert said == (
        f'{model} holds a model already; choose another folder, or replace it with --overwrite'
    )
    assert refusal('import-upstream', 'gone', model, '--overwrite').startswith('gone')
    bag = ('--bag', 'gone', '--model', model, '--out', model)
    assert 'holds a model already' in refusal('finetune', *bag)


@pytest.mark.parametrize('option', ['--report', '--runs', '--bag', '--models'])
def test_up_finds_out_before_the_run_what_cannot_be_written(refusal, here, model, option):
    (here / 'file').write_text('in the way')
    said = refusal('up', '--model', model, '--duration', '1', option, 'file/below')
    assert said.startswith(f'{option} file/below')
    assert f'{here}/file is a file; choose another folder' in said
    assert refusal('up', '--model', model, option, '/proc/nobody/x').startswith(option)


def test_a_report_is_not_written_over_a_folder(refusal, here, model):
    said = refusal('up', '--model', model, '--report', '.')
    assert said == '--report .: that is a folder; name a file'


@pytest.fixture
def inputs(here):
    """Write inputs for `predict`, some of them changed; None leaves one out."""

    def write(**changes):
        arrays = {
            name: np.zeros((2, *shape), dtype=np.float32)
            for name, shape in input_shapes(Architecture()).items()
        }
        arrays |= changes
        np.savez(here / 'in.npz', **{k: v for k, v in arrays.items() if v is not None})
        return 'in.npz'

    return write


def test_predict_writes_what_the_model_makes_of_the_inputs(inputs, here, model, capsys):
    arguments = ('predict', '--model', model, '--inputs', inputs(), '--output', 'out.npz')
    assert main(arguments) == 0
    assert capsys.readouterr().out == 'wrote out.npz\n'
    with np.load(here / 'out.npz') as file:
        shapes = {name: file[name].shape for name in file.files}
    assert shapes == {
        'latents': (2, 25, 64),
        'rewards': (2, 25),
        'values': (2, 25),
        'actions': (2, 25, 12),
    }


@pytest.mark.parametrize(
    ('changes', 'sentence'),
    [
        (
            {'acts_hist': None},
            "in.npz: array 'acts_hist' is missing; expected shape (2, 25, 12)",
        ),
        (
            {'extero_obs': np.zeros((2, 300))},
            "in.npz: array 'extero_obs' has shape (2, 300), expected (2, 315)",
        ),
        (
            {'fut_acts': np.zeros((3, 25, 12))},
            "in.npz: array 'fut_acts' has shape (3, 25, 12), expected (2, 25, 12)",
        ),
    ],
)
def test_predict_refuses_wrong_arrays_by_name_and_shape(refusal, inputs, model, changes, sentence):
    given = inputs(**changes)
    said = refusal('predict', '--model', model, '--inputs', given, '--output', 'out.npz')
    assert said == sentence


def test_predict_refuses_what_is_not_finite(refusal, inputs, model):
    given = inputs(fut_cmds=np.full((2, 26, 3), np.nan))
    said = refusal('predict', '--model', model, '--inputs', given, '--output', 'out.npz')
    assert said.startswith("in.npz: array 'fut_cmds' of type float64")


def test_predict_refuses_inputs_that_are_not_there_or_no_npz(refusal, here, model):
    rest = ('--output', 'out.npz')
    said = refusal('predict', '--model', model, '--inputs', 'in.npz', *rest)
    assert said == 'in.npz: there is no such file'
    (here / 'in.npz').write_text('no zip')
    said = refusal('predict', '--model', model, '--inputs', 'in.npz', *rest)
    assert said.startswith('in.npz: not an npz of plain arrays')


def test_without_a_command_the_help_is_shown(capsys):
    assert main([]) == 0
    said = capsys.readouterr().out
    for command in ('up', 'demo', 'export-onnx', 'import-upstream', 'predict'):
        assert f'    {command}' in said


@pytest.mark.parametrize('command', ['up', 'demo', 'export-onnx', 'import-upstream', 'predict'])
def test_every_command_explains_itself(command, capsys):
    with pytest.raises(SystemExit) as end:
        main([command, '--help'])
    assert end.value.code == 0
    assert f'usage: simdist {command}' in capsys.readouterr().out


def test_the_version_is_the_packages(capsys):
    with pytest.raises(SystemExit):
        main(['--version'])
    assert capsys.readouterr().out == f'simdist_ros {__version__}\n'


def test_ctrl_c_before_anything_runs_ends_without_a_traceback(monkeypatch, here, model, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr('simdist_ros.bringup.run.check_options', interrupted)
    assert main(['up', '--model', model]) == 130
    assert capsys.readouterr().err == ''


def test_as_a_program_it_exits_with_two_and_one_sentence(here):
    command = [sys.executable, '-m', 'simdist_ros.cli', 'up', '--robot', 'go3']
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, '')
    assert done.stderr == "error: unknown robot 'go3'; did you mean 'go2'?\n"
    assert list(here.iterdir()) == []
