"""What is particular to a robot in pretraining, read from the file that its description names."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from simdist_ros.core.errors import ConfigError, unknown_name
from simdist_ros.core.overrides import override
from simdist_ros.core.settings import Settings, read_settings, refuse_unknown_settings
from simdist_ros.embodiment.joint_mirror import check_joint_mirrors, check_mirror
from simdist_ros.embodiment.robot import Robot
from simdist_ros.embodiment.sensor_noise import SensorNoise
from simdist_ros.sim.batch.settings import BatchSettings, Randomisation, Terrain
from simdist_ros.tasks.choice import task_of
from simdist_ros.tasks.velocity.gait import Foot, Swing
from simdist_ros.world_model.architecture import Architecture

__all__ = ['STAGES', 'Recipe', 'load_recipe', 'preset_of', 'recipe_path']

STAGES = ('expert', 'identify', 'collect', 'train', 'imitate', 'evaluate')
SMOKE = 'smoke'
S = TypeVar('S', bound=Settings)


@dataclass(frozen=True, kw_only=True)
class Recipe(BatchSettings):
    """All of it; feet, if any, and joints by name, joints in the robot's order.

    Attributes:
        history_steps: Of the world model.
        horizon_steps: Of the world model.
        stages: Settings of stages that this robot needs other than those of every preset but the
            smallest, by stage and name.
        wide_randomisation: For the last part of the expert's training, beyond that of the data.
        wide_terrain: Likewise.
        faulty_randomisation: For robots with faults, on level ground, of which an expert learns
            what to do about them (`expert.belief_steps`).
    """

    joints: dict[str, Swing]
    history_steps: int = Architecture.history_steps
    horizon_steps: int = Architecture.horizon_steps
    stages: dict[str, dict[str, Any]] = field(default_factory=dict)
    wide_randomisation: Randomisation = field(default_factory=Randomisation)
    wide_terrain: Terrain = field(default_factory=Terrain)
    faulty_randomisation: Randomisation = field(default_factory=Randomisation)

    def widened(self) -> Recipe:
        """Return the recipe of that last part."""
        return dataclasses.replace(
            self, randomisation=self.wide_randomisation, terrain=self.wide_terrain
        )

    def leveled(self) -> Recipe:
        """Return the recipe on level ground."""
        level = dataclasses.replace(self.terrain, slope_deg=0.0, rough_share=0.0)
        return dataclasses.replace(self, terrain=level)

    def faulty(self) -> Recipe:
        """Return the recipe of robots with faults, on level ground.

        Raises:
            ConfigError: It has no faults.
        """
        if not self.faulty_randomisation.fault_share:
            raise ConfigError(
                'the recipe has no faults to learn beliefs of; set fault_share and ranges under '
                'faulty_randomisation'
            )
        return dataclasses.replace(self.leveled(), randomisation=self.faulty_randomisation)

    def as_mapping(self) -> dict[str, Any]:
        """Return names and values, for a record of what was used."""
        return dataclasses.asdict(self)


def first_task(robot: Robot) -> str:
    """Return the name of the task that a robot does unless another is chosen."""
    return next(iter(robot.tasks), '')


def is_of_the_first_task(path: Path, robot: Robot) -> bool:
    """Tell whether a recipe that another task uses is that of the robot's first task."""
    return robot.task not in ('', first_task(robot)) and path == named_recipe(robot)


def named_recipe(robot: Robot) -> Path:
    """Return the file that a description names."""
    return (robot.source.parent / robot.pretraining).resolve()


def recipe_path(robot: Robot) -> Path:
    """Return the file of a robot's recipe: that of its task, else the one that serves them all.

    The description names the latter; the former stands beside it, with the task in its name:
    ``go2_reach.yaml`` beside ``go2.yaml``.

    Raises:
        ConfigError: The description names none, or neither file is there.
    """
    if not robot.pretraining:
        raise ConfigError(
            f'robot {robot.name!r} has no recipe for pretraining; name its file in the setting '
            f"'pretraining' of {robot.source}"
        )
    named, own = named_recipe(robot), own_recipe(robot)
    for path in (own, named):
        if path.is_file():
            return path
    raise ConfigError(no_recipe(robot, f'neither {named} nor {own.name} is there'))


def own_recipe(robot: Robot) -> Path:
    """Return where the recipe of the robot's present task would be."""
    named, task = named_recipe(robot), robot.task or first_task(robot)
    return named.with_stem(f'{named.stem}_{task}')


def no_recipe(robot: Robot, why: str) -> str:
    """Say that a task has no recipe, what to write, and which there are."""
    named = named_recipe(robot)
    found = sorted(path.name for path in named.parent.glob(f'{named.stem}*{named.suffix}'))
    task = robot.task or first_task(robot)
    return (
        f'robot {robot.name!r} has no recipe for task {task!r}: {why} (recipes of this robot '
        f'there: {", ".join(found) or "none"})'
    )


def load_recipe(robot: Robot) -> Recipe:
    """Read a robot's recipe.

    Raises:
        ConfigError: It is missing, or does not fit the robot.
    """
    path = recipe_path(robot)
    values = read_settings(path)
    known = [one.name for one in dataclasses.fields(Recipe)]
    refuse_unknown_settings(values, known, str(path))
    if 'rewards' in values and is_of_the_first_task(path, robot):
        why = f'{path} has the rewards of {first_task(robot)!r}; write {own_recipe(robot).name}'
        raise ConfigError(no_recipe(robot, why))
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
    faulty = {**(values.get('randomisation') or {}), **(values.get('faulty_randomisation') or {})}
    parsed['faulty_randomisation'] = Randomisation.from_mapping(
        faulty, f'{path}: faulty_randomisation'
    )
    if not robot.has_free_base:
        parsed['terrain'] = parsed['wide_terrain'] = Terrain(slope_deg=0.0, rough_share=0.0)
    for name in ('history_steps', 'horizon_steps'):
        if name in values:
            parsed[name] = getattr(
                Architecture.from_mapping({name: values[name]}, str(path)), name
            )
    parsed['stages'] = parse_stages(values.get('stages') or {}, path)
    ordered = {name: joints[name] for name in robot.joint_names}
    return Recipe(feet=feet, joints=ordered, **parsed)


def parse_stages(values: Any, path: Path) -> dict[str, dict[str, Any]]:
    """Return settings of stages as they were written; the stages check them."""
    if not isinstance(values, Mapping) or not all(isinstance(v, Mapping) for v in values.values()):
        raise ConfigError(f'{path}: stages must map each stage to its settings, got {values!r}')
    for stage in values:
        if stage not in STAGES:
            raise ConfigError(f'{path}: stages: {unknown_name("stage", stage, STAGES)}')
    return {str(stage): dict(own) for stage, own in values.items()}


def preset_of(robot: Robot, presets: Mapping[str, S], name: str, stage: str) -> S:
    """Return a preset of a stage with what a robot's recipe says of it, but for the smallest.

    Raises:
        ConfigError: The recipe names a setting that is unknown, or a value that is out of range.
    """
    own = {} if name == SMOKE else load_recipe(robot).stages.get(stage, {})
    if not own:
        return presets[name]
    source = f'{recipe_path(robot)}: stages: {stage}: '
    return override(presets[name], own, stage, None, lambda setting: source + setting)


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
