"""The folder of one stage: what it was made with stands beside what was made."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from simdist_ros.core.atomic import TEMPORARY_SUFFIX, write_atomic
from simdist_ros.core.errors import ConfigError
from simdist_ros.core.settings import read_yaml

__all__ = ['STAGE_FILE', 'claim_folder', 'flatten']

STAGE_FILE = 'stage.yaml'


def claim_folder(folder: Path, settings: Mapping[str, Any]) -> None:
    """Make a folder for a stage, or find that it was begun with the same settings.

    Args:
        folder: Where the stage writes.
        settings: All that its result depends on, plain values, nested or not.

    Raises:
        ConfigError: The folder holds something else, or was begun with other settings.
    """
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f'{folder} is a file; choose a folder')
    record = folder / STAGE_FILE
    mine = flatten(settings)
    if record.is_file():
        refuse_changes(folder, flatten(read_yaml(record)), mine)
        return
    if folder.is_dir():
        for path in sorted(folder.iterdir()):
            if path.suffix != TEMPORARY_SUFFIX:
                raise ConfigError(
                    f'{folder} holds something else ({path.name}, but no {STAGE_FILE}); choose '
                    'another folder'
                )
    folder.mkdir(parents=True, exist_ok=True)
    write_atomic(record, yaml.safe_dump(plain(settings), sort_keys=False).encode())


def refuse_changes(folder: Path, before: dict[str, Any], now: dict[str, Any]) -> None:
    """Say which setting is another one than before."""
    for name in sorted({*before, *now}):
        if before.get(name) != now.get(name):
            raise ConfigError(
                f'{folder} was begun with {name} = {typed(before.get(name))}, now it is '
                f'{typed(now.get(name))}; delete it, or choose another folder or the settings '
                'it was begun with'
            )


def typed(value: Any) -> str:
    """Return a value as a person types it, a list with commas."""
    return ','.join(map(str, value)) if isinstance(value, list) else repr(value)


def plain(value: Any) -> Any:
    """Return a value as YAML gives it back."""
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in value]
    return value


def flatten(settings: Mapping[str, Any], prefix: str = '') -> dict[str, Any]:
    """Return nested settings by dotted name."""
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            flat.update(flatten(value, f'{prefix}{name}.'))
        else:
            flat[f'{prefix}{name}'] = plain(value)
    return flat
