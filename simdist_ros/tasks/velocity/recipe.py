"""What is particular to a robot in pretraining, read from the file that its description names."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from simdist_ros.core.errors import ConfigError, unknown_name
from simdist_ros.core.settings import (
    Settings,
    read_settings,
    refuse_reversed_range,
    refuse_unknown_settings,
    setting,
)
from simdist_ros.embodiment.robot import Robot
from simdist_ros.embodiment.sensor_noise import SensorNoise

__all__ = [
    'Foot',
    'Randomisation',
    'Recipe',
    'RewardWeights',
    'Swing',
    'Terrain',
    'load_recipe',
]

S = TypeVar('S', bound=Settings)


@dataclass(frozen=True, kw_only=True)
class Foot(Settings):
    """One foot of the gait."""

    swing_start: float = setting(
        0.0, 'Phase at which it lifts off; it swings for half a period.', low=0.0, high=1.0
    )
    mirror: str = setting('', 'The foot that it is in a mirror.')


@dataclass(frozen=True, kw_only=True)
class Swing(Settings):
    """One joint: its mirror image, and its part in the gait that training starts from."""

    mirror: str = setting('', 'The joint that it is in a mirror.')
    sign: float = setting(1.0, 'Of its angle in the mirror, 1 or -1.', low=-1.0, high=1.0)
    foot: str = setting('', 'The foot whose swing moves it.')
    lift: float = setting(0.0, 'What the swing adds to its action, in policy units.')

    def __post_init__(self) -> None:
        """Check the sign: a mirror neither shrinks nor hides."""
        super().__post_init__()
        if abs(self.sign) != 1.0:
            raise ConfigError(f'Swing.sign is {self.sign:g}; it must be 1 or -1')


@dataclass(frozen=True, kw_only=True)
class RewardWeights(Settings):
    """Reward of one second; what is bad has a negative weight."""

    velocity: float = setting(2.5, 'Following the commanded velocity.')
    velocity_tolerance_mps: float = setting(0.5, 'Error at which 1/e is left.', low=0.01)
    turning: float = setting(1.0, 'Following the commanded yaw rate.')
    turning_tolerance_radps: float = setting(0.4, 'Error at which 1/e is left.', low=0.01)
    gait: float = setting(1.0, 'Share of feet that touch the ground just when they should.')
    swing_height: float = setting(-40.0, 'Squared error of the height of swinging feet [1/m2].')
    swing_height_m: float = setting(0.08, 'Height of a foot in mid-swing.', unit='m', low=0.0)
    base_height: float = setting(-30.0, 'Squared error of the height of the base [1/m2].')
    base_height_m: float = setting(0.3, 'Height of the base over the ground.', unit='m', low=0.0)
    tilt: float = setting(-3.0, 'Squared sine of the angle to the ground.')
    bounce: float = setting(-1.5, 'Squared velocity along the base z axis [s2/m2].')
    sway: float = setting(-0.05, 'Squared rate of roll and pitch [s2/rad2].')
    action_rate: float = setting(-0.01, 'Squared change of the action.')
    torque: float = setting(-2e-4, 'Squared torque [1/(N m)2].')
    joint_speed: float = setting(-2e-4, 'Squared joint velocity [s2/rad2].')
    pose: float = setting(-0.15, 'Squared distance to the default pose [1/rad2].')
    slip: float = setting(-0.15, 'Squared speed of feet that touch the ground [s2/m2].')


@dataclass(frozen=True, kw_only=True)
class Randomisation(Settings):
    """What differs from robot to robot; drawn anew for each episode."""

    friction_low: float = setting(0.2, 'Smallest friction of the ground.', low=0.01)
    friction_high: float = setting(1.2, 'Largest friction of the ground.', low=0.01)
    payload_low_kg: float = setting(0.0, 'Smallest mass added to the base.', unit='kg')
    payload_high_kg: float = setting(0.0, 'Largest mass added to the base.', unit='kg')
    centre_of_mass_m: float = setting(
        0.03, 'Largest shift of the centre of mass of the base, each way.', unit='m', low=0.0
    )
    gain_spread: float = setting(0.1, 'Largest change of the gains.', low=0.0, high=0.9)
    strength_low: float = setting(0.85, 'Smallest share of the torque limits.', low=0.1, high=1.0)
    joint_friction_nm: float = setting(0.05, 'Largest joint friction.', unit='N m', low=0.0)
    delay_steps: int = setting(1, 'Largest age of a measurement in physics steps.', low=0, high=3)
    push_interval_s: float = setting(5.0, 'Mean time between pushes.', unit='s', low=0.1)
    push_speed_mps: float = setting(0.8, 'Largest speed of a push.', unit='m/s', low=0.0)
    start_offset_rad: float = setting(
        0.1, 'Largest joint offset at the start.', unit='rad', low=0.0
    )

    def __post_init__(self) -> None:
        """Check the order of the ranges."""
        super().__post_init__()
        refuse_reversed_range(self, 'friction_low', 'friction_high')
        refuse_reversed_range(self, 'payload_low_kg', 'payload_high_kg')


@dataclass(frozen=True, kw_only=True)
class Terrain(Settings):
    """The hardest ground of the curriculum."""

    slope_deg: float = setting(20.0, 'Steepest slope.', unit='deg', low=0.0, high=35.0)
    bump_height_m: float = setting(0.08, 'Tallest bump.', unit='m', low=1e-3, high=0.3)
    rough_share: float = setting(0.5, 'Share of robots that meet bumps.', low=0.0, high=1.0)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """All of it; feet and joints by name, joints in the robot's order."""

    feet: dict[str, Foot]
    joints: dict[str, Swing]
    rewards: RewardWeights = RewardWeights()
    randomisation: Randomisation = Randomisation()
    terrain: Terrain = Terrain()
    noise: SensorNoise = field(default_factory=SensorNoise)

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
    feet = parse_each(Foot, values.get('feet'), f'{path}: feet')
    joints = parse_each(Swing, values.get('joints'), f'{path}: joints')
    robot.order(list(joints))
    check_mirror('foot', {name: foot.mirror for name, foot in feet.items()}, path)
    check_mirror('joint', {name: joint.mirror for name, joint in joints.items()}, path)
    for name, joint in joints.items():
        image = joints[joint.mirror]
        if joint.sign != image.sign:
            raise ConfigError(
                f'{path}: {name} has sign {joint.sign:g}, its mirror image {joint.mirror} has '
                f'{image.sign:g}; they must be the same'
            )
        if joint.foot and joint.foot not in feet:
            raise ConfigError(f'{path}: {name}: {unknown_name("foot", joint.foot, feet)}')
    sections: dict[str, type[Settings]] = {
        'rewards': RewardWeights,
        'randomisation': Randomisation,
        'terrain': Terrain,
        'noise': SensorNoise,
    }
    parsed: dict[str, Any] = {
        name: cls.from_mapping(values.get(name) or {}, f'{path}: {name}')
        for name, cls in sections.items()
    }
    ordered = {name: joints[name] for name in robot.joint_names}
    return Recipe(feet=feet, joints=ordered, **parsed)


def parse_each(cls: type[S], values: Any, source: str) -> dict[str, S]:
    """Return the settings of each named thing."""
    if not isinstance(values, Mapping) or not values:
        raise ConfigError(f'{source}: expected names and their settings, got {values!r}')
    return {
        str(name): cls.from_mapping(v or {}, f'{source}: {name}') for name, v in values.items()
    }


def check_mirror(kind: str, mirror: Mapping[str, str], path: Path) -> None:
    """Refuse a mirror that does not lead back: it would teach two gaits at once."""
    for name, image in mirror.items():
        if mirror.get(image) != name:
            raise ConfigError(
                f'{path}: the mirror image of {kind} {name!r} is {image!r}, whose own is '
                f'{mirror.get(image)!r}; each must name the other'
            )
