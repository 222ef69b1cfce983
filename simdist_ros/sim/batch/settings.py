"""What is varied between the robots of a batch, and how they are scored."""

from __future__ import annotations

from dataclasses import dataclass, field

from simdist_ros.core.errors import ConfigError
from simdist_ros.core.settings import Settings, refuse_reversed_range, setting
from simdist_ros.embodiment.sensor_noise import SensorNoise
from simdist_ros.tasks.step import Scoring

__all__ = ['FAULT_KINDS', 'BatchSettings', 'Randomisation', 'Terrain']

FAULT_KINDS = (
    'joint_strength',
    'joint_kp_scale',
    'joint_kd_scale',
    'joint_added_friction_nm',
    'joint_zero_offset_rad',
    'foot_friction',
    'payload',
    'lag',
)


@dataclass(frozen=True, kw_only=True)
class Randomisation(Settings):
    """What differs from robot to robot; drawn anew for each episode."""

    friction_low: float = setting(0.2, 'Smallest friction of the ground.', low=0.01)
    friction_high: float = setting(1.2, 'Largest friction of the ground.', low=0.01)
    payload_low_kg: float = setting(
        0.0, 'Smallest mass added to the base, or to the tool of a fixed one.', unit='kg'
    )
    payload_high_kg: float = setting(
        0.0, 'Largest mass added to the base, or to the tool of a fixed one.', unit='kg'
    )
    payload_height_m: float = setting(
        0.0, 'Height of the added mass above that of the base.', unit='m', low=0.0, high=1.0
    )
    centre_of_mass_m: float = setting(
        0.03, 'Largest shift of the centre of mass of that body, each way.', unit='m', low=0.0
    )
    gain_spread: float = setting(0.1, 'Largest change of the gains.', low=0.0, high=0.9)
    strength_low: float = setting(0.85, 'Smallest share of the torque limits.', low=0.1, high=1.0)
    joint_friction_nm: float = setting(0.05, 'Largest joint friction.', unit='N m', low=0.0)
    delay_steps: int = setting(1, 'Largest age of a measurement in physics steps.', low=0, high=3)
    plan_delay_steps: int = setting(
        0,
        'Largest number of control steps from an observation to the action that answers it; a '
        'robot has one number for an episode.',
        low=0,
        high=1,
    )
    push_interval_s: float = setting(5.0, 'Mean time between pushes.', unit='s', low=0.1)
    push_speed_mps: float = setting(0.8, 'Largest speed of a push.', unit='m/s', low=0.0)
    start_offset_rad: float = setting(
        0.1, 'Largest joint offset at the start.', unit='rad', low=0.0
    )
    fault_share: float = setting(
        0.0,
        'Share of robots with a fault, most of one joint or of one leg; its kind is one of those '
        'below that have a range.',
        low=0.0,
        high=1.0,
    )
    fault_often: tuple[str, ...] = setting(
        (),
        'Kinds of faults that are drawn twice as often as the others, such as those that are '
        'hardest to learn.',
        choices=FAULT_KINDS,
    )
    fault_strength_low: float = setting(
        1.0, 'Smallest share of the torque limit that a faulty joint has left.', low=0.0, high=1.0
    )
    fault_kp_low: float = setting(
        1.0, 'Smallest factor on the position gain of a faulty joint.', low=0.0, high=1.0
    )
    fault_kd_low: float = setting(
        1.0, 'Smallest factor on the velocity gain of a faulty joint.', low=0.0, high=1.0
    )
    fault_friction_nm: float = setting(
        0.0, 'Largest dry friction added to a faulty joint.', unit='N m', low=0.0, high=10.0
    )
    fault_zero_offset_rad: float = setting(
        0.0,
        'Largest error of the zero of a faulty joint, either way, in its encoder and its drive '
        'alike.',
        unit='rad',
        low=0.0,
        high=1.0,
    )
    fault_wide_share: float = setting(
        0.0,
        'Share of the faults of joints that concern all joints, or those of one place in several '
        'legs.',
        low=0.0,
        high=1.0,
    )
    fault_mildest: float = setting(
        0.0,
        'Smallest fault, as a share of the largest; friction of feet has all of its range.',
        low=0.0,
        high=1.0,
    )
    fault_lag_steps: int = setting(
        0, 'Largest number of control steps by which commands act late.', low=0, high=10
    )
    fault_foot_friction_low: float = setting(
        1.0,
        'Smallest friction of one or two feet that slip; 1 for no such fault.',
        low=0.01,
        high=1.0,
    )
    fault_payload_kg: float = setting(
        0.0, 'Largest further mass, where the others are added.', unit='kg', low=0.0
    )
    fault_payload_at_m: float = setting(
        0.0, 'Largest distance of that mass from there, ahead and to a side.', unit='m', low=0.0
    )

    def __post_init__(self) -> None:
        """Check the order of the ranges."""
        super().__post_init__()
        refuse_reversed_range(self, 'friction_low', 'friction_high')
        refuse_reversed_range(self, 'payload_low_kg', 'payload_high_kg')
        lows = self.fault_strength_low, self.fault_kp_low, self.fault_kd_low
        others = self.fault_lag_steps, self.fault_payload_kg, 1.0 - self.fault_foot_friction_low
        if self.fault_share and not (
            min(lows) < 1.0 or self.fault_friction_nm or self.fault_zero_offset_rad or any(others)
        ):
            raise ConfigError(
                f'Randomisation.fault_share is {self.fault_share:g}, but no fault has a range; '
                'set one of fault_strength_low, fault_kp_low, fault_kd_low, fault_friction_nm, '
                'fault_zero_offset_rad, fault_lag_steps, fault_foot_friction_low, '
                'fault_payload_kg'
            )


@dataclass(frozen=True, kw_only=True)
class Terrain(Settings):
    """The hardest ground of the curriculum."""

    slope_deg: float = setting(20.0, 'Steepest slope.', unit='deg', low=0.0, high=35.0)
    bump_height_m: float = setting(0.08, 'Tallest bump.', unit='m', low=1e-3, high=0.3)
    rough_share: float = setting(0.5, 'Share of robots that meet bumps.', low=0.0, high=1.0)


@dataclass(frozen=True, kw_only=True)
class BatchSettings(Scoring):
    """All that a batch of one robot type is told."""

    randomisation: Randomisation = Randomisation()
    terrain: Terrain = Terrain()
    noise: SensorNoise = field(default_factory=SensorNoise)
