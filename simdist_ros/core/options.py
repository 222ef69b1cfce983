"""Command lines out of settings classes."""

from __future__ import annotations

import argparse
import re
import sys
import typing
from collections.abc import Sequence
from typing import Any, TypeVar

from simdist_ros.core.errors import unknown_name
from simdist_ros.core.settings import REQUIRED, SettingInfo, Settings, describe, setting

__all__ = [
    'BAD_INPUT',
    'Parser',
    'add_settings',
    'help_text',
    'option',
    'option_names',
    'override_setting',
    'parse_options',
    'read_options',
]

S = TypeVar('S', bound=Settings)
BAD_INPUT = 2  # exit code
SHORT = {'duration_s': 'duration', 'num_threads': 'threads', 'timeout_s': 'timeout'}
ACTIONS: dict[str, dict[str, Any]] = {  # of argparse, by the form of a setting
    '': {},
    'positional': {},
    'flag': {'action': 'store_true'},
    'words': {'action': 'extend', 'nargs': '+'},
    'repeated': {'action': 'append'},
}


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, and suggests the nearest name."""

    def __init__(self, *arguments: Any, **details: Any) -> None:
        """Take ``-1e-3`` for the number that it is."""
        super().__init__(*arguments, **details)
        self._negative_number_matcher = re.compile(r'-(\d|\.\d)\S*')

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Refuse an unknown option here, where the known ones are known."""
        parsed, rest = super().parse_known_args(args, namespace)
        for word in rest:
            if word.startswith('--'):
                name = word.partition('=')[0]
                self.error(unknown_name('option', name, self._option_string_actions))
            if '=' in word and '--set' in self._option_string_actions:
                self.error(f'{word} stands alone; each setting takes a --set of its own')
        return parsed, rest

    def error(self, message: str) -> None:  # type: ignore[override]
        """Print the sentence and exit with 2."""
        sys.stderr.write(f'error: {message}; see `{self.prog} --help`\n')
        sys.exit(BAD_INPUT)


def option(name: str) -> str:
    """Return a setting's option, e.g. ``--yaw-rate``."""
    return '--' + SHORT.get(name, name).replace('_', '-')


def option_names(info: SettingInfo) -> list[str]:
    """Return the options that give a setting; none for a positional one."""
    if info.form == 'positional':
        return []
    names = dict.fromkeys([option(info.name), '--' + info.name.replace('_', '-')])
    is_switch = info.type is bool and not info.form
    return [*names, *('--no-' + name[2:] for name in names if is_switch)]


def override_setting(metavar: str, doc: str) -> tuple[str, ...]:
    """Declare ``--set``, which changes what has no option of its own."""
    return setting((), doc, form='repeated', metavar=metavar)


def help_text(info: SettingInfo) -> str:
    """Return what a setting does, its choices and its default."""
    text = info.meaning + (f' One of {", ".join(info.choices)}.' if info.choices else '')
    if info.default is REQUIRED:
        return text
    return f'{text} (default: {info.absent or info.shown or "none"})'


def add_settings(parser: argparse.ArgumentParser, cls: type[Settings]) -> None:
    """Declare the options and positional arguments of a class; `read_options` reads them."""
    for info in describe(cls):
        is_required = info.default is REQUIRED
        names = [name for name in option_names(info) if not name.startswith('--no-')]
        details = {'help': help_text(info).replace('%', '%%'), **ACTIONS[info.form]}
        if info.type is not bool:
            kind = next(iter(typing.get_args(info.type)), info.type)
            details['metavar'] = info.metavar or kind.__name__.upper()
        elif not info.form:
            details['action'] = argparse.BooleanOptionalAction
        if names:
            details |= {'dest': info.name, 'default': None, 'required': is_required}
        else:
            several = typing.get_origin(info.type) is tuple
            details |= {'metavar': info.name}
            details |= {'nargs': '*' if several else None if is_required else '?'}
        parser.add_argument(*names or [info.name], **details)


def parse_options(cls: type[S], given: Sequence[str], prog: str, about: str = '') -> S:
    """Return the settings of a program's only class, as they were given.

    Args:
        cls: The settings class.
        given: The words after the program's name.
        prog: How the program is started.
        about: What it does.

    Raises:
        ConfigError: A value has the wrong type or is out of range; the option is named.
    """
    parser = Parser(prog=prog, description=about)
    add_settings(parser, cls)
    return read_options(cls, parser.parse_args(given))


def read_options(cls: type[S], arguments: argparse.Namespace) -> S:
    """Return the settings of a class as they were given.

    Args:
        cls: The settings class.
        arguments: What the parser found; None is not given.

    Raises:
        ConfigError: A value has the wrong type or is out of range; the option is named.
    """
    infos = {info.name: info for info in describe(cls)}
    given = {name: value for name in infos if (value := getattr(arguments, name)) is not None}
    return cls.from_mapping(given, '', lambda name: (option_names(infos[name]) or [name])[0])
