"""What a proprioceptive observation is made of: a table with one row for each quantity.

The live planner (one state), bags, training on many robots, sensor noise and the mirror image read
these rows, and a robot names those it has under ``proprio_obs``: a new quantity is a new row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from simdist_ros.core.errors import ConfigError, unknown_name
from simdist_ros.core.rotation import projected_gravity
from simdist_ros.embodiment.goal_frame import tool_from_goal
from simdist_ros.embodiment.robot import Robot
from simdist_ros.embodiment.sensor_noise import SensorNoise
from simdist_ros.embodiment.sensors import SENSORS

__all__ = [
    'AXIAL',
    'JOINTS',
    'POLAR',
    'TERMS',
    'TOOL_UNITS',
    'States',
    'Term',
    'gait_phase',
    'observed',
    'observed_joint_pos',
    'proprio_noise',
    'proprio_obs_dim',
    'term_slice',
    'terms_of',
]

Array = NDArray[np.floating[Any]]

JOINTS: Literal['joints'] = 'joints'  # one number a joint, mirrored as the joints are
POLAR = (1.0, -1.0, 1.0)  # signs in a left-right mirror: velocity, gravity
TOOL_UNITS = np.repeat([100.0, 1.0], 3)  # of tool_from_goal in a metre and a radian
AXIAL = (-1.0, 1.0, -1.0)  # angular velocity


@dataclass(frozen=True)
class States:
    """Proprioception of N robots, each at a time of its own.

    Attributes:
        stamp_ns: (N,) [ns].
        joint_pos: In the robot's order, (N, num_joints) [rad].
        joint_vel: In the robot's order, (N, num_joints) [rad/s].
        orientation: Bases in the world as unit quaternions w, x, y, z, (N, 4).
        angular_velocity: Of the bases in their own frames, (N, 3) [rad/s].
        linear_velocity: Of the bases in their own frames, (N, 3) [m/s].
        wrench: Force [N] and torque [N m] on the tool, in the frame of its sensor, (N, 6).
        command: What the robots are asked for, (N, command_dim); empty where nobody said.
    """

    stamp_ns: NDArray[np.int64]
    joint_pos: Array
    joint_vel: Array
    orientation: Array
    angular_velocity: Array
    linear_velocity: Array
    wrench: Array = field(default_factory=lambda: np.zeros((1, 0)))
    command: Array = field(default_factory=lambda: np.zeros((1, 0)))

    @property
    def gravity(self) -> Array:
        """Direction of gravity in the frames of the bases, (N, 3)."""
        return projected_gravity(self.orientation)


@dataclass(frozen=True, kw_only=True)
class Term:
    """One observed quantity.

    Attributes:
        name: What a robot's ``proprio_obs`` calls it.
        unit: Of its numbers.
        size: How many there are; `JOINTS` for one a joint.
        mirror: The sign of each in the mirror image; `JOINTS` where joints change places.
        noise: Setting of `SensorNoise` that limits its error; empty for what has none.
        sensor: Which of `SENSORS` measures it; empty for a function of the stamp alone.
        of_command: Whether it depends on what the robot is asked for.
        compute: The numbers of states, (N, size).
    """

    name: str
    unit: str = ''
    size: int | Literal['joints']
    mirror: tuple[float, ...] | Literal['joints']
    noise: str = ''
    sensor: str = ''
    of_command: bool = False
    compute: Callable[[Robot, States], Array]

    def size_for(self, robot: Robot) -> int:
        """Return how many numbers it has of a robot."""
        return robot.num_joints if self.size == JOINTS else self.size


def gait_phase(robot: Robot, stamp_ns: NDArray[np.int64]) -> Array:
    """Return the phase of the gait clock, 0 .. 1; a function of the stamp alone."""
    period_ns = round(robot.phase_period_s * 1e9)
    phase: Array = (stamp_ns % period_ns) / period_ns
    return phase


def cos_sin_phase(robot: Robot, states: States) -> Array:
    """Return cosine and sine of the gait clock, (N, 2)."""
    angle = 2.0 * np.pi * gait_phase(robot, states.stamp_ns)
    return np.stack([np.cos(angle), np.sin(angle)], axis=-1)


def felt(robot: Robot, wrench: Array) -> Array:
    """Return wrenches, (N, 6), within what the sensor tells."""
    most = np.repeat([robot.tool_limits.max_force_n, robot.tool_limits.max_torque_nm], 3)
    within: Array = np.clip(wrench, -most, most)
    return within


ROWS = (
    Term(
        name='base_lin_vel',
        unit='m/s',
        size=3,
        mirror=POLAR,
        noise='base_lin_vel',
        sensor='odom',
        compute=lambda robot, states: states.linear_velocity,
    ),
    Term(
        name='base_ang_vel',
        unit='rad/s',
        size=3,
        mirror=AXIAL,
        noise='base_ang_vel',
        sensor='imu',
        compute=lambda robot, states: states.angular_velocity,
    ),
    Term(
        name='projected_gravity',
        size=3,
        mirror=POLAR,
        noise='projected_gravity',
        sensor='imu',
        compute=lambda robot, states: states.gravity,
    ),
    Term(
        name='joint_pos',
        unit='rad',
        size=JOINTS,
        mirror=JOINTS,
        noise='joint_pos',
        sensor='joints',
        compute=lambda robot, states: states.joint_pos - robot.per_joint('default'),
    ),
    Term(
        name='joint_vel',
        unit='rad/s',
        size=JOINTS,
        mirror=JOINTS,
        noise='joint_vel',
        sensor='joints',
        compute=lambda robot, states: states.joint_vel,
    ),
    Term(
        name='wrench',
        unit='N, N m',
        size=6,
        mirror=(*POLAR, *AXIAL),
        noise='wrench',
        sensor='wrench',
        compute=lambda robot, states: felt(robot, states.wrench),
    ),
    Term(
        name='tool_from_goal',
        unit='cm, rad',
        size=6,
        mirror=(*POLAR, *AXIAL),
        sensor='joints',
        of_command=True,
        compute=lambda robot, states: (
            tool_from_goal(robot, states.joint_pos, states.command) * TOOL_UNITS
        ),
    ),
    Term(
        name='cos_sin_phase',
        size=2,
        mirror=(-1.0, -1.0),  # the gait of the image is half a period away
        compute=cos_sin_phase,
    ),
)
TERMS = {term.name: term for term in ROWS}


def terms_of(robot: Robot) -> list[Term]:
    """Return what a robot observes, in its order.

    Raises:
        ConfigError: It names something that is no term, or that it has no sensor for.
    """
    for name in robot.proprio_obs:
        if name not in TERMS:
            raise ConfigError(unknown_name('observation term', name, TERMS))
        sensor = SENSORS.get(TERMS[name].sensor)
        if sensor is not None and not sensor.is_on(robot):
            raise ConfigError(
                f'proprio_obs of robot {robot.name!r} names {name!r}, which comes of '
                f'{sensor.topic}, but {sensor.lacks}; leave it out'
            )
    return [TERMS[name] for name in robot.proprio_obs]


def observed(robot: Robot, states: States) -> NDArray[np.float32]:
    """Return proprioceptive observations, (N, proprio_obs_dim), in the robot's order of terms."""
    parts = [term.compute(robot, states) for term in terms_of(robot)]
    return np.concatenate(parts, axis=1, dtype=np.float32)


def proprio_obs_dim(robot: Robot) -> int:
    """Return the size of the proprioceptive observation."""
    return sum(term.size_for(robot) for term in terms_of(robot))


def term_slice(robot: Robot, wanted: str) -> slice:
    """Return where a term lies in the proprioceptive observation; empty if it is not there."""
    start = 0
    for term in terms_of(robot):
        end = start + term.size_for(robot)
        if term.name == wanted:
            return slice(start, end)
        start = end
    return slice(0, 0)


def observed_joint_pos(robot: Robot, proprio_obs: Array) -> Array:
    """Return joint positions out of observations, (..., num_joints) [rad]; NaN if not observed."""
    offset = proprio_obs[..., term_slice(robot, 'joint_pos')]
    default = robot.per_joint('default')
    return default + (offset.astype(float) if offset.shape[-1] else np.full_like(default, np.nan))


def proprio_noise(robot: Robot, noise: SensorNoise) -> NDArray[np.float32]:
    """Return the largest error of each proprioceptive number, (proprio_obs_dim,)."""
    limits = [
        np.full(term.size_for(robot), getattr(noise, term.noise) if term.noise else 0.0)
        for term in terms_of(robot)
    ]
    return np.concatenate(limits, dtype=np.float32)
