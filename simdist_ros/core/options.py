"""Command-line options out of settings classes, and the few that no class describes."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Collection
from typing import Any, TypeVar

from simdist_ros.core.errors import ConfigError, unknown_name
from simdist_ros.core.settings import SettingInfo, Settings, checked, describe
from simdist_ros.core.values import NotAValue, as_whole

__all__ = [
    'BAD_INPUT',
    'Parser',
    'add_setting',
    'add_settings',
    'given_setting',
    'option',
    'read_options',
    'whole',
]

S = TypeVar('S', bound=Settings)
BAD_INPUT = 2  # exit code
SHORT = {'duration_s': 'duration', 'num_threads': 'threads'}  # an option without its unit


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


def add_settings(parser: argparse.ArgumentParser, cls: type[Settings]) -> None:
    """Declare an option for every setting of a class."""
    for info in describe(cls):
        add_setting(parser, info)


def add_setting(
    parser: argparse.ArgumentParser, info: SettingInfo, *, default: Any = None
) -> None:
    """Declare the option of one setting; it is read by `read_options`, or checked at once.

    Args:
        parser: Takes it.
        info: The setting.
        default: Said in place of the setting's own default, where that is another one.
    """
    names = list(dict.fromkeys([option(info.name), '--' + info.name.replace('_', '-')]))
    shown = info.default if default is None else default
    text = info.doc + (f' [{info.unit}]' if info.unit else '')
    if info.choices:
        text += f' One of {", ".join(info.choices)}.'
    text = f'{text} (default: {shown or "none" if isinstance(shown, str) else shown})'
    details: dict[str, Any] = {'dest': info.name, 'help': text.replace('%', '%%')}
    if info.type is bool:
        details |= {'action': argparse.BooleanOptionalAction, 'default': None}
    else:
        details |= {'metavar': getattr(info.type, '__name__', 'list').upper()}
    parser.add_argument(*names, **details)


def read_options(cls: type[S], arguments: argparse.Namespace, only: Collection[str] = ()) -> S:
    """Return the settings of a class as they were given.

    Args:
        cls: The settings class.
        arguments: What the parser found; None is not given.
        only: Settings that are options; all of them if empty.

    Raises:
        ConfigError: A value has the wrong type or is out of range; the option is named.
    """
    names = [info.name for info in describe(cls) if not only or info.name in only]
    given = {name: value for name in names if (value := getattr(arguments, name)) is not None}
    return cls.from_mapping(given, '', option)


def given_setting(cls: type[Settings], name: str, arguments: argparse.Namespace) -> Any:
    """Return one setting as it was given, or None.

    Raises:
        ConfigError: The value has the wrong type or is out of range; the option is named.
    """
    value = getattr(arguments, name)
    (info,) = (info for info in describe(cls) if info.name == name)
    return None if value is None else checked(info, value, option(name))


def whole(name: str, low: int, high: int) -> Callable[[str], int]:
    """Return a reader of a whole number for argparse, whose refusal is our sentence."""

    def read(text: str) -> int:
        try:
            value = as_whole(text)
        except NotAValue as error:
            raise ConfigError(f'{name} is {text!r}; it must be {error}') from None
        if not low <= value <= high:
            raise ConfigError(f'{name} is {value}; allowed: {low} .. {high}')
        return value

    return read
