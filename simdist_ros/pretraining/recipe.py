"""What is particular to a robot in pretraining, read from the file that its description names."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from simdist_ros.core.errors import ConfigError, unknown_name
from simdist_ros.core.settings import Settings, read_settings, refuse_unknown_settings
from simdist_ros.embodiment.joint_mirror import check_joint_mirrors, check_mirror
from simdist_ros.embodiment.robot import Robot
from simdist_ros.embodiment.sensor_noise import SensorNoise
from simdist_ros.sim.batch.settings import BatchSettings, Randomisation, Terrain
from simdist_ros.tasks.choice import task_of
from simdist_ros.tasks.velocity.gait import Foot, Swing

__all__ = ['Recipe', 'load_recipe']

S = TypeVar('S', bound=Settings)


@dataclass(frozen=True, kw_only=True)
class Recipe(BatchSettings):
    """All of it; feet, if any, and joints by name, joints in the robot's order.

    Attributes:
        wide_randomisation: For the last part of the expert's training, beyond that of the data.
        wide_terrain: Likewise.
    """

    joints: dict[str, Swing]
    wide_randomisation: Randomisation = field(default_factory=Randomisation)
    wide_terrain: Terrain = field(default_factory=Terrain)

    def widened(self) -> Recipe:
        """Return the recipe of that last part."""
        return dataclasses.replace(
            self, randomisation=self.wide_randomisation, terrain=self.wide_terrain
        )

    def as_mapping(self) -> dict[str, Any]:
        """Return names and values, for a record of what was used."""
        return dataclasses.asdict(self)


def load_recipe(robot: Robot) -> Recipe:
    """Read a robot's recipe.

    Raises:
        ConfigError: It is missing, or does not fit the robot.
    """
    if not robot.pretraining:
        raise ConfigError(
            f'robot {robot.name!r} has no recipe for pretraining; name its file in the setting '
            f"'pretraining' of {robot.source}"
        )
    path = (robot.source.parent / robot.pretraining).resolve()
    values = read_settings(path)
    known = [one.name for one in dataclasses.fields(Recipe)]
    refuse_unknown_settings(values, known, str(path))
    feet = parse_each(Foot, values['feet'], f'{path}: feet') if 'feet' in values else {}
    joints = parse_each(Swing, values.get('joints'), f'{path}: joints')
    check_joint_names(robot, joints, path)
    check_mirror('foot', {name: foot.mirror for name, foot in feet.items()}, path)
    check_joint_mirrors(joints, path)
    for name, joint in joints.items():
        if joint.foot and joint.foot not in feet:
            raise ConfigError(f'{path}: {name}: {unknown_name("foot", joint.foot, feet)}')
    for name in ('terrain', 'wide_terrain'):
        if name in values and not robot.has_free_base:
            raise ConfigError(
                f'{path}: {name} is set, but the base of {robot.name!r} is fixed; leave it out'
            )
    sections: dict[str, type[Settings]] = {
        'rewards': task_of(robot).weights,
        'randomisation': Randomisation,
        'terrain': Terrain,
        'noise': SensorNoise,
    }
    parsed: dict[str, Any] = {
        name: cls.from_mapping(values.get(name) or {}, f'{path}: {name}')
        for name, cls in sections.items()
    }
    for name in ('randomisation', 'terrain'):  # what is not widened stays as it is
        wide = {**(values.get(name) or {}), **(values.get(f'wide_{name}') or {})}
        parsed[f'wide_{name}'] = sections[name].from_mapping(wide, f'{path}: wide_{name}')
    if not robot.has_free_base:
        parsed['terrain'] = parsed['wide_terrain'] = Terrain(slope_deg=0.0, rough_share=0.0)
    ordered = {name: joints[name] for name in robot.joint_names}
    return Recipe(feet=feet, joints=ordered, **parsed)


def check_joint_names(robot: Robot, joints: Iterable[str], path: Path) -> None:
    """Raise `ConfigError` unless the recipe has each joint of the robot and no other."""
    try:
        robot.order(list(joints))
    except ConfigError as error:
        raise ConfigError(f'{path}: {error}') from None


def parse_each(cls: type[S], values: Any, source: str) -> dict[str, S]:
    """Return the settings of each named thing."""
    if not isinstance(values, Mapping) or not values:
        raise ConfigError(f'{source}: expected names and their settings, got {values!r}')
    return {
        str(name): cls.from_mapping(v or {}, f'{source}: {name}') for name, v in values.items()
    }
