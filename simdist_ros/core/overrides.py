"""What a user changes on the command line: ``--set OWNER.SETTING=VALUE``."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeVar

from simdist_ros.core.errors import ConfigError, unknown_name
from simdist_ros.core.settings import (
    Settings,
    Spelling,
    checked,
    describe,
    refuse_unknown_settings,
)

__all__ = ['override', 'read_overrides']

S = TypeVar('S', bound=Settings)


def read_overrides(
    texts: Sequence[str], form: str, owners: Collection[str] | None = None
) -> dict[str, dict[str, str]]:
    """Sort overrides by whose they are.

    Args:
        texts: As given; the first dot ends the owner, the first equals sign the setting.
        form: What one looks like, for the error message.
        owners: Those there are; None leaves it to the caller to know them.

    Returns:
        Value by owner and setting, as text.

    Raises:
        ConfigError: A text has another form, or its owner is unknown.
    """
    found: dict[str, dict[str, str]] = {}
    for text in texts:
        name, equals, value = text.partition('=')
        owner, dot, setting = name.partition('.')
        if not equals or not dot:
            raise ConfigError(f'--set {text!r} is not of the form {form}')
        if owners is not None and owner not in owners:
            kind = form.partition('.')[0].lower()
            raise ConfigError(f'--set {text}: {unknown_name(kind, owner, owners)}')
        found.setdefault(owner, {})[setting] = value
    return found


def override(
    settings: S,
    values: Mapping[str, Any],
    owner: str,
    seed: int | None = None,
    spell: Spelling | None = None,
) -> S:
    """Return settings with some changed.

    Args:
        settings: As they were.
        values: What to change, as text.
        owner: Whose they are, for the error message.
        seed: If given, the seed, unless `values` say otherwise.
        spell: How the user wrote a setting's name; None for ``--set OWNER.SETTING``.

    Raises:
        ConfigError: A name is unknown or a value has the wrong type or is out of range.
    """
    known = {info.name: info for info in describe(type(settings))}
    refuse_unknown_settings(values, known, f'--set {owner}')
    spell = spell or (lambda name: f'--set {owner}.{name}')
    changed: dict[str, Any] = {name: getattr(settings, name) for name in known}
    if seed is not None and 'seed' in known:
        changed['seed'] = checked(known['seed'], seed, '--seed')
    changed |= {name: checked(known[name], text, spell(name)) for name, text in values.items()}
    return type(settings).from_mapping(changed, f'settings of {owner}', spell)
