"""Completion for bash and zsh, generated from the options of the commands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from simdist_ros.core.options import option_names
from simdist_ros.core.settings import REQUIRED, Settings, describe, setting
from simdist_ros.core.share import share_folder

__all__ = ['CompletionOptions', 'script']

ZSH = 'autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n'
TEMPLATE = """# Completion of simdist; load it with: source <(simdist completion {shell})
{start}_simdist() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}" before="${{COMP_WORDS[COMP_CWORD-1]}}" known=""
  case "$COMP_CWORD:${{COMP_WORDS[1]}}:$before" in
    1:*) known="{commands}" ;;
{cases}
  esac
  COMPREPLY=($(compgen -W "$known" -- "$word"))
}}
complete -o default -F _simdist simdist
"""


@dataclass(frozen=True, kw_only=True)
class CompletionOptions(Settings):
    """The shell."""

    shell: str = setting(
        REQUIRED, 'Which shell is to read it.', choices=('bash', 'zsh'), form='positional'
    )


def script(shell: str, commands: Mapping[str, type[Settings]]) -> str:
    """Return what a shell is to read; where nothing is known, file names are completed.

    Args:
        shell: ``bash`` or ``zsh``.
        commands: Options by the name of their command.
    """
    cases, ships = [], shipped()
    for name, cls in commands.items():
        others: list[str] = []
        options = ['-h', '--help']
        for info in describe(cls):
            found, names = info.choices or ships.get(info.name, ()), option_names(info)
            options += names
            others += [] if names else found
            cases += [
                f'    *:{name}:{option}) known="{" ".join(found)}" ;;' for option in names if found
            ]
        cases.append(
            f'    *:{name}:*) known="{" ".join(others)}"; '
            f'[[ $word == -* ]] && known="{" ".join(options)}" ;;'
        )
    start = ZSH if shell == 'zsh' else ''
    return TEMPLATE.format(
        shell=shell, start=start, commands=' '.join(commands), cases='\n'.join(cases)
    )


def shipped() -> dict[str, Sequence[str]]:
    """Return the names of what ships, by argument."""
    config, models = share_folder() / 'config', share_folder() / 'models'
    return {
        'robot': sorted(path.stem for path in (config / 'robots').glob('*.yaml')),
        'world': sorted(path.stem for path in (config / 'worlds').glob('*.yaml')),
        'model': sorted(path.parent.name for path in models.glob('*/manifest.yaml')),
    }
