"""Settings changed on the command line: ``--set SECTION.SETTING=VALUE``."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TypeVar

from simdist_ros.core.errors import ConfigError, unknown_name
from simdist_ros.core.settings import Settings, describe

__all__ = ['override', 'read_overrides']

S = TypeVar('S', bound=Settings)


def read_overrides(
    texts: Sequence[str], sections: Collection[str], what: str = 'SECTION'
) -> dict[str, dict[str, str]]:
    """Return the values of ``SECTION.SETTING=VALUE`` by section and setting.

    Args:
        texts: As given.
        sections: Names that may stand before the dot.
        what: What such a name stands for.

    Raises:
        ConfigError: A text is of another form, or its section is unknown.
    """
    found: dict[str, dict[str, str]] = {}
    for text in texts:
        name, equals, value = text.partition('=')
        section, dot, setting = name.partition('.')
        if not equals or not dot:
            raise ConfigError(f'--set {text!r} is not of the form {what}.SETTING=VALUE')
        if section not in sections:
            raise ConfigError(f'--set {text}: {unknown_name(what.lower(), section, sections)}')
        found.setdefault(section, {})[setting] = value
    return found


def override(settings: S, values: Mapping[str, str], section: str, seed: int | None = None) -> S:
    """Return settings with some changed.

    Args:
        settings: As they were.
        values: What to change, as text.
        section: Whose they are, for the error message.
        seed: If given, the seed, unless `values` say otherwise.

    Raises:
        ConfigError: A name is unknown or a value has the wrong type or is out of range.
    """
    known = {info.name: info for info in describe(type(settings))}
    changed = {name: getattr(settings, name) for name in known}
    if seed is not None and 'seed' in changed:
        changed['seed'] = seed
    for name, text in values.items():
        if name not in known:
            raise ConfigError(f'--set {section}.{name}: {unknown_name("setting", name, known)}')
        changed[name] = parse(text, changed[name], f'--set {section}.{name}={text}')
    return type(settings).from_mapping(changed, f'settings of {section}')


def parse(text: str, like: object, source: str) -> object:
    """Return a text as the type of another value."""
    try:
        if isinstance(like, bool):
            return {'true': True, 'false': False}[text.lower()]
        if isinstance(like, tuple):
            return tuple(float(part) for part in text.split(','))
        if isinstance(like, (int, float)):
            return type(like)(text)
    except (ValueError, KeyError):
        raise ConfigError(f'{source}: not a {type(like).__name__}') from None
    return text
