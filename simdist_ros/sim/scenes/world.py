"""What is particular to a world, read from ``config/worlds/<name>.yaml``."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simdist_ros.core.errors import ConfigError
from simdist_ros.core.settings import (
    Settings,
    describe,
    read_settings,
    refuse_unknown_settings,
    setting,
)
from simdist_ros.core.share import find_config
from simdist_ros.sim.scenes.local_changes import (
    FootChange,
    JointChange,
    parse_changes,
)

__all__ = ['Sensors', 'World', 'load_world']

CHANGES = ('joints', 'feet')


@dataclass(frozen=True, kw_only=True)
class Sensors(Settings):
    """How the robot's sensors differ from the truth; noise is Gaussian, white, per number."""

    joint_pos_noise_rad: float = setting(0.0, 'Noise of joint positions.', unit='rad', low=0.0)
    joint_vel_noise_radps: float = setting(
        0.0, 'Noise of joint velocities.', unit='rad/s', low=0.0
    )
    orientation_noise_rad: float = setting(
        0.0, 'Noise of the orientation, about each axis.', unit='rad', low=0.0
    )
    angular_velocity_noise_radps: float = setting(
        0.0, 'Noise of the angular velocity.', unit='rad/s', low=0.0
    )
    linear_velocity_noise_mps: float = setting(
        0.0, 'Noise of the linear velocity.', unit='m/s', low=0.0
    )
    height_map_noise_m: float = setting(0.0, 'Noise of each height-map cell.', unit='m', low=0.0)
    height_map_missing: float = setting(
        0.0, 'Share of height-map cells that are unknown, drawn anew each time.', low=0.0, high=1.0
    )
    wrench_noise: float = setting(
        0.0, 'Noise of force and torque at the wrist.', unit='N, N m', low=0.0
    )
    ranges_noise_m: float = setting(0.0, 'Noise of distances along rays.', unit='m', low=0.0)
    delay_s: float = setting(
        0.0,
        'Age of a measurement when it arrives, in whole physics steps; its stamp says so.',
        unit='s',
        low=0.0,
        high=1.0,
    )
    height_map_delay_s: float = setting(
        0.0,
        'How much older the height map is than its stamp, in whole physics steps.',
        unit='s',
        low=0.0,
        high=1.0,
    )
    clock_offset_s: float = setting(
        0.0, 'What the clock that stamps shows at time 0.', unit='s', low=0.0
    )
    clock_drift_ppm: float = setting(
        0.0, 'Microseconds that clock gains in a second.', unit='us/s', low=-1000.0, high=1000.0
    )


@dataclass(frozen=True, kw_only=True)
class World(Settings):
    """The ground, what the robot carries, how its motors and sensors really are."""

    terrain: str = setting('flat', 'Shape of the ground.', choices=('flat', 'slope', 'rough'))
    slope_deg: float = setting(
        0.0, 'Incline of `slope`, uphill positive.', unit='deg', low=-35.0, high=35.0
    )
    level_start_m: float = setting(
        1.0,
        'Level ground ahead of the start, before a slope or bumps, and around it without patches.',
        unit='m',
        low=0.5,
    )
    rough_height_m: float = setting(
        0.0, 'Height of the tallest bump of `rough`.', unit='m', low=0.0, high=0.3
    )
    rough_cell_m: float = setting(
        0.1, 'Distance between the points of `rough`.', unit='m', low=0.05, high=1.0
    )
    friction: float = setting(0.8, 'Sliding friction of the ground.', low=0.01, high=3.0)
    patch_share: float = setting(
        0.0, 'Share of the ground in patches with a friction of their own.', low=0.0, high=1.0
    )
    patch_friction: float = setting(0.1, 'Friction of the patches.', low=0.01, high=3.0)
    patch_size_m: float = setting(
        0.5, 'Side of a patch, a square; where they lie the seed decides.', unit='m', low=0.05
    )
    contact_time_s: float = setting(
        0.02, 'Time constant of the contact; larger is softer ground.', unit='s', low=0.01
    )
    contact_damping: float = setting(
        1.0, 'Damping ratio of the contact; below 1 it bounces.', low=0.05
    )
    payload_kg: float = setting(
        0.0, 'Mass fixed to the base, or to the tool of a fixed one.', unit='kg', low=0.0
    )
    payload_at_m: tuple[float, ...] = setting(
        (),
        'Centre of that mass: x, y, z from the origin of the base, along its axes; from the site '
        'of a tool, along the axes of its body. Not given, it is 0.22 m above the base, or at the '
        'tool.',
        unit='m',
        low=-1.0,
        high=1.0,
    )
    motor_strength: float = setting(
        1.0, 'Share of its torque limit that a motor gives.', low=0.0, high=2.0
    )
    kp_scale: float = setting(1.0, 'Factor on the position gains.', low=0.0, high=5.0)
    kd_scale: float = setting(1.0, 'Factor on the velocity gains.', low=0.0, high=5.0)
    joint_friction_nm: float = setting(
        0.0, 'Dry friction of each joint.', unit='N m', low=0.0, high=10.0
    )
    command_delay_s: float = setting(
        0.0, 'Time until a command acts, in whole physics steps.', unit='s', low=0.0, high=1.0
    )
    tool_frame_deg: float = setting(
        0.0,
        'Angle about the vertical by which the controller of an arm turns each motion of its '
        'tool, as after a bad calibration.',
        unit='deg',
        low=-180.0,
        high=180.0,
    )
    fixture_shift_m: tuple[float, ...] = setting(
        (),
        'How far a fixture is from where the command says, along x, y, z of the base.',
        unit='m',
        low=-0.1,
        high=0.1,
    )
    goal_error_m: float = setting(
        0.0,
        'Largest error of a command that says where a fixture is, along x and y; drawn for each '
        'episode.',
        unit='m',
        low=0.0,
        high=0.05,
    )
    hole_friction: float = setting(0.3, 'Sliding friction of a fixture.', low=0.01, high=3.0)
    push_interval_s: float = setting(
        0.0, 'Mean time between pushes; 0 is never.', unit='s', low=0.0
    )
    push_speed_mps: float = setting(
        0.0, 'Speed that a push adds, in a random level direction.', unit='m/s', low=0.0, high=3.0
    )
    start_heading_rad: float = setting(
        3.141592653589793, 'Largest heading at the start, either way.', unit='rad', low=0.0
    )
    start_joint_offset_rad: float = setting(
        0.03, 'Largest offset of each joint at the start, either way.', unit='rad', low=0.0
    )
    sensors: Sensors = Sensors()
    joints: tuple[JointChange, ...] = ()
    feet: tuple[FootChange, ...] = ()
    name: str = ''

    def __post_init__(self) -> None:
        """Check what concerns more than one setting."""
        super().__post_init__()
        for terrain, field in (('slope', 'slope_deg'), ('rough', 'rough_height_m')):
            if getattr(self, field) and self.terrain != terrain:
                raise ConfigError(
                    f'{field} is {getattr(self, field)} on {self.terrain} ground; it takes '
                    f'terrain: {terrain}'
                )
        if self.push_speed_mps and not self.push_interval_s:
            raise ConfigError('push_speed_mps without push_interval_s never pushes; set both')
        if len(self.payload_at_m) not in (0, 3):
            raise ConfigError(
                f'payload_at_m has {len(self.payload_at_m)} numbers; it takes three, x, y and z'
            )
        if len(self.fixture_shift_m) not in (0, 3):
            raise ConfigError(
                f'fixture_shift_m has {len(self.fixture_shift_m)} numbers; it takes three, x, y, z'
            )
        if self.payload_at_m and not self.payload_kg:
            raise ConfigError('payload_at_m without payload_kg places nothing; set both')
        if self.patch_share and self.feet:
            raise ConfigError(
                'patch_share and feet both set the friction below a foot; choose one'
            )

    def as_mapping(self) -> dict[str, Any]:
        """Return names and values, as a file would have them."""
        values = dataclasses.asdict(self)
        del values['name']
        for section in CHANGES:
            values[section] = {one.pop('which'): one for one in values[section]}
        return values

    @classmethod
    def from_file(cls, values: Mapping[str, Any], source: str, name: str) -> World:
        """Build from names and values, as a file has them.

        Raises:
            ConfigError: A name is unknown, or a value breaks a rule.
        """
        sections = ('sensors', *CHANGES)
        known = [*(info.name for info in describe(cls)), *sections]
        refuse_unknown_settings(values, known, source)
        own = {key: value for key, value in values.items() if key not in sections}
        sensors = Sensors.from_mapping(values.get('sensors') or {}, f'{source}: sensors')
        world = cls.from_mapping(own, source)
        joints = parse_changes(JointChange, values.get('joints'), f'{source}: joints')
        feet = parse_changes(FootChange, values.get('feet'), f'{source}: feet')
        try:
            return dataclasses.replace(world, sensors=sensors, joints=joints, feet=feet, name=name)
        except ConfigError as error:
            raise ConfigError(f'{source}: {error}') from None


def load_world(name: str) -> World:
    """Read a world.

    Args:
        name: The name of one that ships, or the path of a YAML file.

    Raises:
        ConfigError: It does not exist or breaks a rule.
    """
    path = find_config('worlds', name)
    return World.from_file(read_settings(path), str(path), path.stem)
