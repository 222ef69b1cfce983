"""Settings: frozen dataclasses whose fields carry their own doc, unit and range.

ROS parameter descriptors, YAML defaults and the reference table in ``doc/`` are generated from
them, so that each fact stands in one place.
"""

from __future__ import annotations

import dataclasses
import re
import typing
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml

from simdist_ros.core.errors import ConfigError, unknown_name
from simdist_ros.core.values import (
    LARGEST_INT,
    MAX_SEED,
    NotAValue,
    as_bool,
    as_list,
    as_number,
    as_path,
    as_text,
    as_whole,
)

__all__ = [
    'RENAMED',
    'REQUIRED',
    'UNSET',
    'SettingInfo',
    'Settings',
    'Spelling',
    'checked',
    'describe',
    'read_settings',
    'read_yaml',
    'refuse_reversed_range',
    'refuse_unknown_settings',
    'same_setting',
    'seed_setting',
    'setting',
]

ITEMS: dict[Any, Callable[[Any], Any]] = {
    float: as_number,
    int: as_whole,
    str: as_text,
    Path: as_path,
}
RENAMED = {'walk_s': 'rollout_s', 'walk_steps': 'rollout_steps'}  # by the former name
REQUIRED: Any = dataclasses.MISSING  # in place of a default
UNSET: Any = None  # default of what `__post_init__` derives from other settings

T = TypeVar('T')
S = TypeVar('S', bound='Settings')

Spelling = Callable[[str], str]  # a setting's name as the user wrote it, e.g. ``--vx``

# Written in C where PyYAML has it, ten times as fast: planners read models while they plan.
YAML_LOADER = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)


class TextLoader(yaml.SafeLoader):  # type: ignore[misc]
    """Leaves scalars the texts that they are: only the setting they are for knows their type.

    YAML itself would make a bool of ``off``, a text of ``1e-3``, 8 of ``010`` and 5400 of
    ``1:30:00``, and would take the last of two values with one name.
    """

    yaml_implicit_resolvers: typing.ClassVar[dict[str, Any]] = {
        first: [(tag, form) for tag, form in pairs if tag.endswith((':null', ':merge'))]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """Refuse a name that stands there twice."""
        seen = set()
        for key, _ in node.value:
            if key.value in seen and isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(
                    None, None, f'{key.value!r} stands there twice', key.start_mark
                )
            seen.add(key.value if isinstance(key, yaml.ScalarNode) else None)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


def setting(
    default: T,
    doc: str,
    *,
    unit: str = '',
    low: float | None = None,
    high: float | None = None,
    above: float | None = None,
    choices: tuple[str, ...] = (),
    noun: str = '',
    form: str = '',
    metavar: str = '',
    absent: str = '',
) -> T:
    """Declare one field of a `Settings` class.

    Args:
        default: Value when nothing is given: a bool, int, float, str or Path, or a tuple of one
            of the last four. `REQUIRED` demands a value; None allows it to be None.
        doc: What it does, for a reader who has to choose a value.
        unit: SI unit of a number.
        low: Smallest value allowed.
        high: Largest value allowed.
        above: Bound that a value must exceed, e.g. 0 for what divides.
        choices: Strings allowed, when not every string is.
        noun: What to call another string where its option need not be named, e.g. ``stage``.
        form: How a command line gives it, if not as ``--name VALUE``: ``positional``; ``flag``,
            without a value; ``words``, several values; ``repeated``, the option several times.
        metavar: What stands for its value in the help; by default its type.
        absent: What holds where nothing is given, if the default does not say it.
    """
    metadata = {name: value for name, value in locals().items() if name != 'default'}
    field: T = dataclasses.field(default=default, metadata=metadata)
    return field


def same_setting(cls: type[Settings], name: str) -> Any:
    """Declare one field as another class does."""
    found = cls.__dataclass_fields__[name]
    return dataclasses.field(default=found.default, metadata=found.metadata)


def seed_setting(default: int, doc: str) -> int:
    """Declare a seed; a seed of one command is one for every other."""
    return setting(default, doc, low=0, high=MAX_SEED)


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
    above: float | None
    choices: tuple[str, ...]
    noun: str
    form: str
    metavar: str
    absent: str

    @property
    def meaning(self) -> str:
        """Doc and unit."""
        return self.doc + (f' [{self.unit}]' if self.unit else '')

    @property
    def shown(self) -> str:
        """The default as a person writes it; empty where there is none."""
        if isinstance(self.default, tuple):
            return ','.join(map(str, self.default))
        return '' if self.default in (None, REQUIRED) else str(self.default)

    @property
    def allowed(self) -> str:
        """The range in words, e.g. ``0.0 .. 1.0 s``; empty where every number is allowed."""
        unit = f' {self.unit}' if self.unit else ''
        high = LARGEST_INT if self.type is int and self.high is None else self.high
        if self.above is not None:
            return f'more than {self.above}' + ('' if high is None else f', to {high}') + unit
        if self.low is None and high is None:
            return ''
        low = '-inf' if self.low is None else self.low
        return f'{low} .. {"inf" if high is None else high}{unit}'

    def admits(self, value: float) -> bool:
        """Whether a number lies in the range; NaN never does."""
        return not (
            (self.low is not None and not value >= self.low)
            or (self.above is not None and not value > self.above)
            or (self.high is not None and not value <= self.high)
            or (self.type is int and not abs(value) <= LARGEST_INT)
        )


def describe(cls: type[Settings]) -> tuple[SettingInfo, ...]:
    """List the settings of a class in the order they were declared."""
    types = typing.get_type_hints(cls)
    return tuple(
        SettingInfo(f.name, without_none(types[f.name]), f.default, **f.metadata)
        for f in dataclasses.fields(cls)
        if f.metadata
    )


def without_none(kind: Any) -> Any:
    """Return the type X of ``X | None``, any other as it is."""
    kinds = typing.get_args(kind)
    return kinds[0] if type(None) in kinds else kind


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Base of every component's settings: types and ranges are checked on construction."""

    def __post_init__(self) -> None:
        """Check each field; subclasses add their cross-field rules after ``super()``."""
        for info in describe(type(self)):
            name = f'{type(self).__name__}.{info.name}'
            object.__setattr__(self, info.name, checked(info, getattr(self, info.name), name))

    @classmethod
    def from_mapping(
        cls: type[S], values: Mapping[str, Any], source: str, spell: Spelling = str
    ) -> S:
        """Build from names and values, e.g. a YAML file's.

        Args:
            values: Setting names and values, or values as text; what is absent keeps its default.
            source: Where they come from, for the error message; empty where `spell` says it.
            spell: How the user wrote a setting's name, for the error message.

        Raises:
            ConfigError: A name is unknown, a type is wrong or a value is out of range.
        """
        if not isinstance(values, Mapping):
            raise ConfigError(f'{source}: expected names and values, got {values!r}')
        infos = {info.name: info for info in describe(cls)}
        refuse_unknown_settings(values, infos, source)
        start = f'{source}: ' if source else ''
        given = {
            name: checked(infos[name], value, start + spell(name))
            for name, value in values.items()
        }
        try:
            return cls(**given)
        except ConfigError as error:  # of several settings
            own = re.sub(rf'\b{cls.__name__}\.(\w+)', lambda found: spell(found[1]), str(error))
            raise ConfigError(start + own) from None


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
            now = RENAMED.get(str(name), '')
            why = f'setting {name!r} is called {now!r} now' if now in known else ''
            raise ConfigError(f'{source}: {why or unknown_name("setting", str(name), known)}')


def refuse_reversed_range(settings: Settings, low: str, high: str) -> None:
    """Refuse a range whose lower end, the setting `low`, is above its upper end, `high`.

    Raises:
        ConfigError: It is.
    """
    first, last = getattr(settings, low), getattr(settings, high)
    if first > last:
        name = type(settings).__name__
        raise ConfigError(f'{name}.{low} is {first:g}; it must not exceed {high}, {last:g}')


def read_settings(path: Path) -> dict[str, Any]:
    """Read a YAML file that a person wrote; every value stays the text that it is.

    Raises:
        ConfigError: The file is missing, is not YAML, names something twice, or holds no names.
    """
    return read_yaml(path, TextLoader)


def read_yaml(path: Path, loader: Any = YAML_LOADER) -> dict[str, Any]:
    """Read a YAML file that holds names and values, with the types that YAML gives them.

    Raises:
        ConfigError: The file is missing, is not YAML, or holds something else.
    """
    try:
        data = yaml.load(path.read_text(), loader)
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


def checked(info: SettingInfo, value: Any, name: str) -> Any:
    """Return a value in the type of its setting.

    Args:
        info: The setting.
        value: Of that type, or of one that says the same: 50 for a float, ``off`` for a bool.
        name: What to call it in the error message.

    Raises:
        ConfigError: It is something else, or out of range.
    """
    if value is None and info.default is None:
        return None
    try:
        found = convert(info.type, value)
    except NotAValue as error:
        raise ConfigError(f'{name} is {value!r}; it must be {error}') from None
    for item in found if isinstance(found, tuple) else (found,):
        if info.choices and item not in info.choices:
            subject = '' if info.noun else f'{name}: '
            raise ConfigError(subject + unknown_name(info.noun or 'choice', item, info.choices))
        if not isinstance(item, (bool, str)) and not info.admits(item):
            unit = f' {info.unit}' if info.unit else ''
            raise ConfigError(f'{name} is {item}{unit}; allowed: {info.allowed}')
    return found


def convert(kind: Any, value: Any) -> Any:
    """Return a value as a setting's type.

    Raises:
        NotAValue: It is none; the message says what is wanted.
    """
    if typing.get_origin(kind) is tuple:
        return as_list(value, ITEMS[typing.get_args(kind)[0]])
    return as_bool(value) if kind is bool else ITEMS[kind](value)
