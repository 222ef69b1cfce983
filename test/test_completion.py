"""What bash offers when Tab is pressed."""

import shutil
import subprocess

import pytest

from simdist_ros.cli import COMMANDS, main


@pytest.fixture
def offered(capsys, tmp_path):
    """Return the words that bash offers for the last word of a line."""
    if shutil.which('bash') is None:
        pytest.skip('no bash here')
    assert main(['completion', 'bash']) == 0
    script = tmp_path / 'simdist.bash'
    script.write_text(capsys.readouterr().out)

    def offer(*line):
        words = ' '.join(f"'{word}'" for word in ('simdist', *line))
        press = f'COMP_WORDS=({words}); COMP_CWORD={len(line)}; _simdist; echo "${{COMPREPLY[@]}}"'
        command = ['bash', '--norc', '-c', f'source {script}; {press}']
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()

    return offer


def test_commands_options_choices_and_names_of_what_ships_are_offered(offered):
    assert set(offered('')) == set(COMMANDS)
    assert offered('pre') == ['pretrain', 'predict']
    assert offered('up', '--yaw') == ['--yaw-rate']
    assert offered('up', '--mode', '') == ['lockstep', 'realtime']
    assert offered('up', '--robot', '') == ['go2', 'ur5e']
    assert 'slope' in offered('up', '--world', 's')
    assert offered('finetune', '--model', 'g') == ['go2', 'go2_beliefs']
    assert offered('pretrain', 'im') == ['imitate']
    assert offered('completion', '') == ['bash', 'zsh']
    assert offered('up', '--bag', '') == []  # left to file names


def test_zsh_reads_the_same_through_its_own_bash_mode(capsys):
    assert main(['completion', 'zsh']) == 0
    assert 'bashcompinit' in capsys.readouterr().out
