"""Every command's parser, help, completion and defaults say what its settings class says."""

import argparse
import subprocess
import sys

import pytest

from simdist_ros.cli import COMMANDS, make_parser
from simdist_ros.core.options import help_text, option_names, read_options
from simdist_ros.core.settings import REQUIRED, describe
from simdist_ros.evaluation.settings import EVALUATE_PRESETS
from simdist_ros.pretraining.identify.settings import IDENTIFY_PRESETS
from simdist_ros.pretraining.imitate.settings import IMITATE_PRESETS
from simdist_ros.pretraining.presets import COLLECT_PRESETS, EXPERT_PRESETS
from simdist_ros.pretraining.pretrain_options import STAGES, PretrainOptions
from simdist_ros.pretraining.train.settings import TRAIN_PRESETS


@pytest.fixture(scope='module')
def parsers() -> dict[str, argparse.ArgumentParser]:
    (commands,) = (
        action
        for action in make_parser()._actions
        if isinstance(action, argparse._SubParsersAction)
    )
    return dict(commands.choices)


@pytest.fixture
def actions(parsers, command):
    """What the parser of a command takes, but for its help, by the setting."""
    found = [a for a in parsers[command]._actions if not isinstance(a, argparse._HelpAction)]
    names = [action.dest for action in found]
    assert len(names) == len(set(names))
    return dict(zip(names, found, strict=True))


@pytest.mark.parametrize('command', COMMANDS)
def test_a_parser_takes_what_the_class_of_its_command_describes_and_no_more(actions, command):
    infos = describe(COMMANDS[command].options)
    assert list(actions) == [info.name for info in infos]
    for info in infos:
        action = actions[info.name]
        assert list(action.option_strings) == option_names(info)
        assert action.help == help_text(info).replace('%', '%%')
        assert action.default is None, 'the class alone has defaults'
        assert action.choices is None, 'the class alone checks'
        assert action.required == (info.default is REQUIRED)


@pytest.mark.parametrize('command', COMMANDS)
def test_help_names_doc_unit_choices_and_default(command):
    for info in describe(COMMANDS[command].options):
        said = help_text(info)
        assert said.startswith(info.doc)
        for part in (f'[{info.unit}]', *info.choices, info.shown, info.absent):
            assert part in said or part == '[]'


@pytest.mark.parametrize('command', COMMANDS)
def test_what_is_not_given_has_the_default_of_the_class(parsers, command):
    cls = COMMANDS[command].options
    words, values = [], {}
    for info in describe(cls):
        if info.default is REQUIRED:
            value = info.choices[0] if info.choices else 'x'
            words += [*option_names(info)[:1], value]
            values[info.name] = (value,) if info.form == 'words' else value
    assert read_options(cls, parsers[command].parse_args(words)) == cls(**values)


def test_every_stage_has_every_preset():
    (presets,) = (info.choices for info in describe(PretrainOptions) if info.name == 'preset')
    stages = (
        EXPERT_PRESETS,
        IDENTIFY_PRESETS,
        COLLECT_PRESETS,
        TRAIN_PRESETS,
        IMITATE_PRESETS,
        EVALUATE_PRESETS,
    )
    assert len(stages) == len(STAGES)
    assert [tuple(stage) for stage in stages] == [presets] * len(stages)


@pytest.mark.parametrize('command', [[], ['completion', 'bash'], ['estop', '--timeout', '0']])
def test_a_command_that_uses_no_model_starts_without_pytorch(command):
    code = (
        f'import sys\nfrom simdist_ros.cli import main\nmain({command!r})\n'
        "print(*sorted({'torch', 'matplotlib', 'scipy'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == ''
