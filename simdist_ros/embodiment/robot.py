"""What is particular to a robot, read from ``config/robots/<name>.yaml``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.core.errors import ConfigError, unknown_name
from simdist_ros.core.settings import (
    Settings,
    checked,
    describe,
    read_settings,
    refuse_unknown_settings,
    setting,
)
from simdist_ros.core.share import find_config
from simdist_ros.embodiment.height_map import HeightMap
from simdist_ros.embodiment.modality import Modality
from simdist_ros.embodiment.ranges import Ranges
from simdist_ros.embodiment.tool_delta import ToolDeltaSettings
from simdist_ros.embodiment.tool_limits import ToolLimits

__all__ = ['Joint', 'Robot', 'load_robot']

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True, kw_only=True)
class Joint(Settings):
    """One actuated joint."""

    name: str = setting('', 'Name in the MJCF, in JointState and in commands.')
    default: float = setting(0.0, 'Position that action 0 stands for.', unit='rad')
    stand: float = setting(0.0, 'Position when standing still.', unit='rad')
    stop_offset: float = setting(
        0.0,
        'Added to `stand` for the pose in which a walk ends at once; it catches the motion.',
        unit='rad',
    )
    low: float = setting(-3.1416, 'Lower position limit.', unit='rad')
    high: float = setting(3.1416, 'Upper position limit.', unit='rad')
    max_torque: float = setting(1.0, 'Torque limit.', unit='N m', above=0.0)
    max_rate: float = setting(
        30.0, 'Largest rate of a commanded position.', unit='rad/s', above=0.0
    )
    max_velocity: float = setting(
        30.0,
        'Largest velocity by the data sheet; a reading half as large again is not believed.',
        unit='rad/s',
        low=0.1,
    )
    kp: float = setting(25.0, 'Position gain.', unit='N m/rad', above=0.0)
    kd: float = setting(0.5, 'Velocity gain.', unit='N m s/rad', low=0.0)

    def __post_init__(self) -> None:
        """Check that the poses are within the limits."""
        super().__post_init__()
        poses = {
            'default': self.default,
            'stand': self.stand,
            'stand + stop_offset': self.stand + self.stop_offset,
        }
        for what, value in poses.items():
            if not self.low <= value <= self.high:
                raise ConfigError(
                    f'joint {self.name!r}: {what} {value} rad lies outside '
                    f'{self.low} .. {self.high} rad'
                )


@dataclass(frozen=True, kw_only=True)
class Robot(Settings):
    """A robot's description; arrays follow the order of `joints`.

    What it is for stands under `tasks`, each with its settings, see `simdist_ros.tasks`; `task` is
    the one chosen, the first where it is empty.
    """

    name: str = setting('', 'Name of the robot, checked against a model and a bag.')
    mjcf: str = setting('', 'MuJoCo model, a path relative to the description.')
    pretraining: str = setting(
        '',
        'Recipe of its pretraining, a path relative to the description. One for a single task may '
        'stand beside it, the name of the task at the end of its own: `go2_reach.yaml`.',
    )
    control_rate_hz: float = setting(
        50.0, 'Rate of observations and actions.', unit='Hz', low=1.0, high=1000.0
    )
    action_scale: float = setting(
        0.25,
        'Radians that action 1 adds to the default, where actions are joint targets.',
        unit='rad',
        above=0.0,
    )
    phase_period_s: float = setting(0.5, 'Period of the gait clock.', unit='s', low=1e-3)
    base: str = setting(
        'free',
        'Whether the base moves: `free`, with an IMU and odometry, or `fixed`, as of an arm on a '
        'table, which measures its joints alone.',
        choices=('free', 'fixed'),
    )
    safe_action: str = setting(
        'damp',
        'What the joints do where nothing can be trusted: `damp` (velocity gain only, a legged '
        'robot sinks) or `hold` (the last safe target, an arm does not drop what it carries).',
        choices=('damp', 'hold'),
    )
    tool: str = setting(
        '',
        'Site of the MJCF at which an arm works; its z axis points out of the tool. A fixed base '
        'carries the payload of a world there.',
    )
    wrench: str = setting(
        '',
        'Site of the MJCF at which a sensor measures force and torque, on the body that it '
        'carries; empty: there is none.',
    )
    base_height_m: float = setting(0.3, 'Height of the base when it stands.', unit='m', above=0.0)
    fallen_height_m: float = setting(
        0.15, 'Base height above ground below which it has fallen.', unit='m'
    )
    max_tilt_rad: float = setting(
        1.0, 'Tilt of the base at which it counts as falling.', unit='rad', above=0.0, high=3.1416
    )
    max_base_speed_mps: float = setting(
        10.0,
        'Largest speed of the base along an axis, falls included; beyond it a reading is not '
        'believed.',
        unit='m/s',
        low=0.1,
    )
    proprio_obs: tuple[str, ...] = ()
    tasks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    task: str = ''
    joints: tuple[Joint, ...] = ()
    height_map: HeightMap | None = None
    ranges: Ranges | None = None
    tool_delta: ToolDeltaSettings | None = None
    tool_limits: ToolLimits = field(default_factory=ToolLimits)
    source: Path = Path()

    def __post_init__(self) -> None:
        """Check what concerns more than one field."""
        super().__post_init__()
        if not self.joints:
            raise ConfigError(f'robot {self.name!r} has no joints')
        if self.fallen_height_m >= self.base_height_m:
            raise ConfigError(
                f'robot {self.name!r}: fallen_height_m is {self.fallen_height_m} m; it must be '
                f'less than base_height_m, {self.base_height_m} m'
            )

    @property
    def num_joints(self) -> int:
        """Number of actuated joints."""
        return len(self.joints)

    @property
    def has_free_base(self) -> bool:
        """Whether the base moves, so that there is an orientation, a height and a velocity."""
        return self.base == 'free'

    @cached_property
    def modalities(self) -> tuple[Modality, ...]:
        """What it sees of its surroundings, in the order of its observation."""
        return tuple(part for part in (self.height_map, self.ranges) if part is not None)

    @property
    def holds(self) -> bool:
        """Whether its joints keep the last safe target where nothing can be trusted."""
        return self.safe_action == 'hold'

    @property
    def carries_at_tool(self) -> bool:
        """Whether a payload hangs at the tool and not on the base."""
        return bool(self.tool) and not self.has_free_base

    @property
    def period_s(self) -> float:
        """Time between two control ticks [s]."""
        return 1.0 / self.control_rate_hz

    @property
    def period_ns(self) -> int:
        """Time between two control ticks [ns]."""
        return round(1e9 / self.control_rate_hz)

    @property
    def mjcf_path(self) -> Path:
        """Absolute path of the MuJoCo model.

        Raises:
            ConfigError: The description names none.
        """
        if not self.mjcf:
            raise ConfigError(
                f'{self.source}: mjcf is missing; name the MuJoCo model of the robot, a path '
                'relative to this file'
            )
        return self.source.parent / self.mjcf

    @cached_property
    def joint_names(self) -> tuple[str, ...]:
        """Names of the joints."""
        return tuple(joint.name for joint in self.joints)

    def per_joint(self, field: str) -> Array:
        """Return one number of every joint, e.g. ``'max_torque'``, (num_joints,)."""
        return np.array([getattr(joint, field) for joint in self.joints])

    def order(self, names: Sequence[str]) -> NDArray[np.intp]:
        """Return the index of each of our joints in a message's list of names.

        Raises:
            ConfigError: A joint is missing, doubled or unknown.
        """
        position = {name: index for index, name in enumerate(names)}
        if len(position) != len(names) or set(position) != set(self.joint_names):
            missing = sorted(set(self.joint_names) - set(position))
            extra = sorted(set(position) - set(self.joint_names))
            raise ConfigError(
                f'joint names do not match robot {self.name!r}: missing {missing or "none"}, '
                f'unknown {extra or "none"}, {len(names)} given, {self.num_joints} expected'
            )
        return np.array([position[name] for name in self.joint_names])


PARTS: dict[str, Any] = {
    'height_map': HeightMap,
    'ranges': Ranges,
    'tool_delta': ToolDeltaSettings,
    'tool_limits': ToolLimits,
}
FORMERLY_ON_TOP = ('command_low', 'command_high')
REQUIRED = {
    'name': 'the robot, as its models and bags do',
    'proprio_obs': 'the terms of the observation in their order',
}


def load_robot(name: str, task: str = '') -> Robot:
    """Read a robot's description.

    Args:
        name: The name of one that ships, or the path of a YAML file.
        task: What it is to do, one of those that it names; empty for the first.

    Raises:
        ConfigError: It does not exist or breaks a rule.
    """
    path = find_config('robots', name)
    values = upgraded(read_settings(path))
    known = [name for name in Robot.__dataclass_fields__ if name not in ('source', 'task')]
    refuse_unknown_settings(values, known, str(path))
    for name, what in REQUIRED.items():
        if not values.get(name):
            raise ConfigError(f'{path}: {name} is missing; name {what}')
    joints = values.pop('joints', None)
    parts = {
        name: kind.from_mapping(values[name], f'{path}: {name}')
        for name, kind in PARTS.items()
        if values.get(name) is not None
    }
    values = {name: value for name, value in values.items() if name not in PARTS}
    terms = values.pop('proprio_obs', [])
    tasks = parse_tasks(values.pop('tasks', {}), task, path)
    if not isinstance(joints, Mapping):
        raise ConfigError(f'{path}: joints must map each joint name to its settings')
    if not isinstance(terms, list) or not all(isinstance(term, str) for term in terms):
        raise ConfigError(f'{path}: proprio_obs is {terms!r}; it must be a list of names')
    parsed = tuple(parse_joint(str(joint), joints[joint], path) for joint in joints)
    infos = {info.name: info for info in describe(Robot)}
    plain = {name: checked(infos[name], values[name], f'{path}: {name}') for name in values}
    try:
        return Robot(
            **plain,
            proprio_obs=tuple(terms),
            tasks=tasks,
            task=task,
            joints=parsed,
            **parts,
            source=path,
        )
    except ConfigError as error:
        raise ConfigError(f'{path}: {error}') from None


def upgraded(values: dict[str, Any]) -> dict[str, Any]:
    """Return a description in which the settings of a task, once at the top, stand under it."""
    moved = {key: values.pop(key) for key in FORMERLY_ON_TOP if key in values}
    if moved and 'tasks' not in values:
        return values | {'tasks': {'velocity': moved}}
    return values | moved  # none, or refused as unknown


def parse_tasks(given: Any, chosen: str, path: Path) -> dict[str, dict[str, Any]]:
    """Return the settings of each task, as they were written; a task itself checks them."""
    if not isinstance(given, Mapping) or not all(
        values is None or isinstance(values, Mapping) for values in given.values()
    ):
        raise ConfigError(f'{path}: tasks must map each task to its settings, got {given!r}')
    tasks = {str(name): dict(values or {}) for name, values in given.items()}
    if chosen and chosen not in tasks:
        raise ConfigError(f'{path}: {unknown_name("task of this robot", chosen, tasks)}')
    return tasks


def parse_joint(name: str, values: Any, path: Path) -> Joint:
    """Return one joint from its entry in a description; an empty entry takes the defaults."""
    if values is None or isinstance(values, Mapping):
        values = {'name': name, **(values or {})}
    return Joint.from_mapping(values, f'{path}: {name}')
