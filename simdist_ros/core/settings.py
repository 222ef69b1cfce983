"""Settings: frozen dataclasses whose fields carry their own doc, unit and range.

ROS parameter descriptors, YAML defaults and the reference table in ``doc/`` are generated from
them, so that each fact stands in one place.
"""

from __future__ import annotations

import dataclasses
import math
import typing
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml

from simdist_ros.core.errors import ConfigError, unknown_name

__all__ = [
    'SettingInfo',
    'Settings',
    'describe',
    'read_yaml',
    'refuse_reversed_range',
    'refuse_unknown_settings',
    'setting',
]

T = TypeVar('T')
S = TypeVar('S', bound='Settings')

SCALARS = (bool, int, float, str)

# Written in C where PyYAML has it, ten times as fast: planners read models while they plan.
YAML_LOADER = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)


def setting(
    default: T,
    doc: str,
    *,
    unit: str = '',
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
) -> T:
    """Declare one field of a `Settings` class.

    Args:
        default: Value when nothing is given; a bool, int, float, str or tuple of floats.
        doc: What it does, for a reader who has to choose a value.
        unit: SI unit of a number.
        low: Smallest value allowed.
        high: Largest value allowed.
        choices: Strings allowed, when not every string is.
    """
    metadata = {'doc': doc, 'unit': unit, 'low': low, 'high': high, 'choices': choices}
    field: T = dataclasses.field(default=default, metadata=metadata)
    return field


@dataclass(frozen=True)
class SettingInfo:
    """All that is known of one setting."""

    name: str
    type: Any
    default: Any
    doc: str
    unit: str
    low: float | None
    high: float | None
    choices: tuple[str, ...]


def describe(cls: type[Settings]) -> tuple[SettingInfo, ...]:
    """List the settings of a class in the order they were declared."""
    types = typing.get_type_hints(cls)
    return tuple(
        SettingInfo(f.name, types[f.name], f.default, **f.metadata)
        for f in dataclasses.fields(cls)
        if f.metadata
    )


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Base of every component's settings: types and ranges are checked on construction."""

    def __post_init__(self) -> None:
        """Check each field; subclasses add their cross-field rules after ``super()``."""
        for info in describe(type(self)):
            value = checked(info, getattr(self, info.name), type(self).__name__)
            object.__setattr__(self, info.name, value)

    @classmethod
    def from_mapping(cls: type[S], values: Mapping[str, Any], source: str) -> S:
        """Build from names and values, e.g. a YAML file's.

        Args:
            values: Setting names and values; what is absent keeps its default.
            source: Where they come from, for the error message.

        Raises:
            ConfigError: A name is unknown, a type is wrong or a value is out of range.
        """
        if not isinstance(values, Mapping):
            raise ConfigError(f'{source}: expected names and values, got {values!r}')
        refuse_unknown_settings(values, [info.name for info in describe(cls)], source)
        try:
            return cls(**values)
        except ConfigError as error:
            raise ConfigError(f'{source}: {error}') from None


def refuse_unknown_settings(names: Iterable[object], known: Collection[str], source: str) -> None:
    """Refuse the first name that is not known.

    Args:
        names: As given; YAML may have made one a number.
        known: The names of the settings that there are.
        source: Where the names come from, for the error message.

    Raises:
        ConfigError: A name is unknown; the nearest known one is suggested.
    """
    for name in names:
        if name not in known:
            raise ConfigError(f'{source}: {unknown_name("setting", str(name), known)}')


def refuse_reversed_range(settings: Settings, low: str, high: str) -> None:
    """Refuse a range whose lower end, the setting `low`, is above its upper end, `high`.

    Raises:
        ConfigError: It is.
    """
    first, last = getattr(settings, low), getattr(settings, high)
    if first > last:
        name = type(settings).__name__
        raise ConfigError(f'{name}.{low} is {first:g}; it must not exceed {high}, {last:g}')


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML file that holds names and values.

    Raises:
        ConfigError: The file is missing, is not YAML, or holds something else.
    """
    try:
        data = yaml.load(path.read_text(), YAML_LOADER)
    except FileNotFoundError:
        raise ConfigError(f'{path}: there is no such file') from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f'{path}: cannot be read ({error})') from None
    except yaml.YAMLError as error:
        reason = ' '.join(str(error).split())
        raise ConfigError(f'{path}: not valid YAML ({reason})') from None
    if not isinstance(data, dict):
        raise ConfigError(f'{path}: expected names and values, got {type(data).__name__}')
    return data


def checked(info: SettingInfo, value: Any, owner: str) -> Any:
    """Return the value in its declared type, or raise `ConfigError`; an int serves as a float."""
    name = f'{owner}.{info.name}'
    if typing.get_origin(info.type) is tuple:
        if isinstance(value, str) or not isinstance(value, (list, tuple)):
            raise ConfigError(f'{name} is {value!r}; it must be a list of numbers')
        return tuple(in_range(info, number(name, item), name) for item in value)
    if info.type is float:
        return in_range(info, number(name, value), name)
    if info.type in SCALARS and type(value) is not info.type:
        raise ConfigError(f'{name} is {value!r}; it must be of type {info.type.__name__}')
    if info.type is int:
        return in_range(info, value, name)
    if info.choices and value not in info.choices:
        raise ConfigError(f'{name}: {unknown_name("choice", value, info.choices)}')
    return value


def number(name: str, value: Any) -> float:
    """Return a float, or raise for what is not a finite number (a bool is none)."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ConfigError(f'{name} is {value!r}; it must be a finite number')
    return float(value)


def in_range(info: SettingInfo, value: Any, name: str) -> Any:
    """Return the value if it lies within the declared range."""
    low, high = info.low, info.high
    if (low is not None and not value >= low) or (high is not None and not value <= high):
        bounds = f'{"-inf" if low is None else low} .. {"inf" if high is None else high}'
        unit = f' {info.unit}' if info.unit else ''
        raise ConfigError(f'{name} is {value}{unit}; allowed: {bounds}{unit}')
    return value
