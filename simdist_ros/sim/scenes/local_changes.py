"""What a world changes of single joints and single feet, by the robot's own names."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from simdist_ros.core.errors import ConfigError, unknown_name
from simdist_ros.core.settings import Settings, setting

__all__ = ['FootChange', 'JointChange', 'LocalChange', 'matching', 'parse_changes']

C = TypeVar('C', bound='LocalChange')


@dataclass(frozen=True, kw_only=True)
class LocalChange(Settings):
    """What is changed of those that a name stands for."""

    which: str = ''


@dataclass(frozen=True, kw_only=True)
class JointChange(LocalChange):
    """How one joint, or each joint of a group, differs from the robot's description."""

    strength: float = setting(
        1.0, 'Share of the torque limit, on top of `motor_strength`.', low=0.0, high=2.0
    )
    kp_scale: float = setting(
        1.0, 'Factor on the position gain, on top of that of all.', low=0.0, high=5.0
    )
    kd_scale: float = setting(
        1.0, 'Factor on the velocity gain, on top of that of all.', low=0.0, high=5.0
    )
    friction_nm: float = setting(
        0.0, 'Dry friction, added to that of all.', unit='N m', low=0.0, high=10.0
    )
    zero_offset_rad: float = setting(
        0.0,
        'Error of the zero: the encoder reads this much too much, and the drive follows the '
        'encoder, so that the joint stops this much short of what it is told.',
        unit='rad',
        low=-1.0,
        high=1.0,
    )


@dataclass(frozen=True, kw_only=True)
class FootChange(LocalChange):
    """How the ground grips one foot, or each foot of a group."""

    friction: float = setting(
        0.8, 'Sliding friction below it, instead of that of the ground.', low=0.01, high=3.0
    )


def parse_changes(cls: type[C], values: Any, source: str) -> tuple[C, ...]:
    """Read a section of a world: a name for each change.

    Raises:
        ConfigError: It is something else, or breaks a rule.
    """
    if values is None or values == []:  # as a record of a world without any has it
        return ()
    if not isinstance(values, Mapping):
        raise ConfigError(f'{source}: expected names and their settings, got {values!r}')
    found = []
    for name, own in values.items():
        where = f'{source}: {name}'
        if not own:
            raise ConfigError(f'{where}: nothing is set; leave it out')
        # By way of the class's own rules: `which` is no setting and comes after.
        found.append(cls(**{**vars(cls.from_mapping(own, where)), 'which': str(name)}))
    return tuple(found)


def matching(which: str, names: Sequence[str], kind: str) -> list[int]:
    """Return the places of the names that a change concerns.

    Args:
        which: A name, the beginning of names before an underscore (`FL` is FL_hip_joint and its
            like), or a pattern with `*` and `?`.
        names: The robot's.
        kind: What they are, for the error message.

    Raises:
        ConfigError: None is meant.
    """
    if which in names:
        return [names.index(which)]
    if any(sign in which for sign in '*?['):
        found = [i for i, name in enumerate(names) if fnmatch.fnmatchcase(name, which)]
    else:
        found = [i for i, name in enumerate(names) if name.startswith(f'{which}_')]
    if not found:
        raise ConfigError(unknown_name(kind, which, names))
    return found
