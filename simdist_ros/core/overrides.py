"""What a user changes on the command line: ``--set OWNER.SETTING=VALUE``."""

from __future__ import annotations

from collections.abc import Sequence

from simdist_ros.core.errors import ConfigError

__all__ = ['read_overrides']


def read_overrides(texts: Sequence[str], form: str) -> dict[str, dict[str, str]]:
    """Sort overrides by whose they are.

    Args:
        texts: As given; the first dot ends the owner, the first equals sign the setting.
        form: What one looks like, for the error message.

    Returns:
        Value by owner and setting, as text.

    Raises:
        ConfigError: A text has another form.
    """
    found: dict[str, dict[str, str]] = {}
    for text in texts:
        name, equals, value = text.partition('=')
        owner, dot, setting = name.partition('.')
        if not equals or not dot:
            raise ConfigError(f'--set {text!r} is not of the form {form}')
        found.setdefault(owner, {})[setting] = value
    return found
