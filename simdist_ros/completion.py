"""Completion for bash and zsh, generated from the parser of the commands."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

from simdist_ros.adaptation.settings import FinetuneSettings
from simdist_ros.bringup.graph import GraphOptions
from simdist_ros.core.settings import Settings, describe
from simdist_ros.core.share import share_folder
from simdist_ros.pretraining.presets import EXPERT_PRESETS
from simdist_ros.pretraining.pretrain_options import STAGES
from simdist_ros.studies.options import BENCHMARKS
from simdist_ros.studies.settings import PRESETS

__all__ = ['script']

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


def script(shell: str, commands: Mapping[str, argparse.ArgumentParser]) -> str:
    """Return what a shell is to read; where nothing is known, file names are completed.

    Args:
        shell: ``bash`` or ``zsh``.
        commands: Parsers by the name of their command.
    """
    cases, words = [], open_arguments()
    for name, parser in commands.items():
        known = {**shipped(), **words.get(name, {})}
        others: list[str] = []
        options = [o for action in parser._actions for o in action.option_strings]
        for action in parser._actions:
            found = tuple(map(str, action.choices or ())) or known.get(action.dest, ())
            others += [] if action.option_strings else found
            cases += [
                f'    *:{name}:{option}) known="{" ".join(found)}" ;;'
                for option in action.option_strings
                if found
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


def open_arguments() -> dict[str, dict[str, Sequence[str]]]:
    """Return what arguments can be that the parser leaves open, by command and argument."""
    return {
        'up': choices(GraphOptions),
        'finetune': choices(FinetuneSettings),
        'pretrain': {'stage': STAGES, 'preset': tuple(EXPERT_PRESETS)},
        'bench': {'benchmark': BENCHMARKS, 'preset': tuple(PRESETS)},
    }


def choices(cls: type[Settings]) -> dict[str, Sequence[str]]:
    """Return the choices of a class's settings, by name."""
    return {info.name: info.choices for info in describe(cls) if info.choices}
