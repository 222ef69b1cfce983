"""Following a velocity command: vx, vy and yaw rate of the base."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from simdist_ros.core.errors import ConfigError
from simdist_ros.core.rotation import tilt
from simdist_ros.embodiment.observation_terms import gait_phase, term_slice
from simdist_ros.embodiment.robot import Robot
from simdist_ros.tasks.step import Scoring, Step
from simdist_ros.tasks.task import Driver, Task
from simdist_ros.tasks.velocity.commands import HOLD_STEPS, draw_commands
from simdist_ros.tasks.velocity.following import following, tracking_error
from simdist_ros.tasks.velocity.heading import YAW_RATE, HeadingHold
from simdist_ros.tasks.velocity.reward import GROUPS, RewardWeights, reward_terms
from simdist_ros.tasks.velocity.settings import VELOCITY, velocity_goal

__all__ = ['VelocityTask']

Array = NDArray[np.floating[Any]]

TOLERANCE_MPS = 0.4  # of what sensors tell of a walk
SCORED_MPS, SCORED_RADPS, TURN_WEIGHT = 0.25, 0.25, 0.5  # of `score`
MEASURED, GRAVITY = 'base_lin_vel', 'projected_gravity'
VELOCITY_TERMS = ((MEASURED, 0), (MEASURED, 1), ('base_ang_vel', 2))  # of vx, vy, yaw rate


class VelocityTask(Task):
    """Walking or driving at the velocity asked for, upright."""

    name = VELOCITY
    topic = 'cmd_vel'
    message_type = 'geometry_msgs/msg/TwistStamped'
    weights = RewardWeights
    earned = GROUPS
    mirror = (1.0, -1.0, -1.0)  # of vx, vy, yaw rate
    hold_steps = HOLD_STEPS
    error_unit = 'mps'
    progress_is = (
        'metres along the ground in the direction asked for, until a fall; success line: speed '
        'times time'
    )
    scales_commands: ClassVar[bool] = True
    has_speeds: ClassVar[bool] = True
    noun = 'walk'
    panels = ('path', 'velocity', 'yaw_rate', 'heading')

    def __init__(self, robot: Robot) -> None:
        """Take a robot's bounds of the velocity.

        Raises:
            ConfigError: It cannot move, or the bounds break a rule.
        """
        super().__init__(robot)
        if not robot.has_free_base:
            raise ConfigError(
                f'robot {robot.name!r}: task {self.name!r} needs a base that moves, and base is '
                "'fixed'; name another task"
            )
        self.goal = velocity_goal(robot)
        self.holds_heading = self.goal.size > YAW_RATE

    def where(self, position: Array, joint_pos: Array) -> str:
        """Say how far the base came along the ground."""
        return f'{math.hypot(position[0], position[1]):.2f} m from the start'

    def first_command(self) -> Array:
        """Stand still."""
        return np.zeros(self.goal.size)

    def unasked(self, last: Array) -> Array:
        """Stand still: whoever steered is gone."""
        return np.zeros_like(last)

    def draw(self, number: int, rng: np.random.Generator, scale: float = 1.0) -> Array:
        """Draw velocities, see `draw_commands`."""
        return draw_commands(self.robot, number, rng, scale)

    def reward_terms(self, scoring: Scoring, step: Step) -> dict[str, Array]:
        """Score following, the gait where there are feet, and penalties, see `reward_terms`."""
        starts = np.array([foot.swing_start for foot in scoring.feet.values()])
        phase = gait_phase(self.robot, step.stamp_ns)[:, None] - starts
        return reward_terms(scoring.rewards, step, phase % 1.0)

    def tracking(self, scoring: Scoring, terms: Mapping[str, Array]) -> Array:
        """Return the score of the velocity along the ground."""
        weights = cast(RewardWeights, scoring.rewards)
        tracked: Array = terms['velocity'] / weights.velocity
        return tracked

    def why_not_recorded(self) -> str:
        """Name the observation that is missing, if it is."""
        if MEASURED in self.robot.proprio_obs:
            return ''
        return (
            f'robot {self.robot.name!r} has no {MEASURED!r} in proprio_obs; without it nothing '
            'tells how well it followed its command'
        )

    def followed(self, proprio_obs: Array, commands: Array) -> Array:
        """Return exp(-e^2 / s^2) of the distance to the velocity asked for along the ground.

        Raises:
            ConfigError: The robot's observations hold no velocity.
        """
        why_not = self.why_not_recorded()
        if why_not:
            raise ConfigError(why_not)
        start = term_slice(self.robot, MEASURED).start
        return following(proprio_obs[..., start : start + 2], commands[..., :2], TOLERANCE_MPS)

    def measured(self, proprio_obs: Array) -> Array:
        """Return vx, vy and yaw rate of the base, as far as they are observed."""
        found = super().measured(proprio_obs)
        for index, (term, axis) in enumerate(VELOCITY_TERMS[: self.goal.size]):
            if term in self.robot.proprio_obs:
                found[..., index] = proprio_obs[..., term_slice(self.robot, term).start + axis]
        return found

    def worth(self, proprio_obs: Array, commands: Array) -> Array:
        """Return the same, less by how far the base was tilted towards the angle of a fall."""
        followed = self.followed(proprio_obs, commands)
        if GRAVITY not in self.robot.proprio_obs:
            return followed
        gravity = proprio_obs[..., term_slice(self.robot, GRAVITY)]
        upright = np.maximum(0.0, 1.0 - (tilt(gravity) / self.robot.max_tilt_rad) ** 2)
        worth: Array = followed * upright
        return worth

    def practice(self) -> list[Array]:
        """Return velocities: straight on, then in curves to either side.

        A third and two thirds of the largest speed, half of the largest yaw rate: 0.5 and 1.0 m/s
        and 0.5 rad/s for a Go2.
        """
        high = self.goal.high
        speeds = [high[0] * share / 3.0 for share in (1.0, 2.0)]
        turn = 0.5 * high[YAW_RATE] if self.goal.size > YAW_RATE else 0.0
        wanted = [*((speed, 0.0) for speed in speeds), (speeds[0], turn), (speeds[1], -turn)]
        return [self.ahead(speed, yaw_rate) for speed, yaw_rate in wanted]

    def ahead(self, speed: float, yaw_rate: float = 0.0) -> Array:
        """Return a velocity ahead [m/s], turning if a rate is given [rad/s]."""
        velocity = np.zeros(self.goal.size)
        velocity[0] = speed
        if yaw_rate:
            velocity[YAW_RATE] = yaw_rate
        return velocity

    def asked(self, given: Sequence[float], velocity: Sequence[float]) -> Array:
        """Return the numbers that are given, else the velocity."""
        return np.array(given if len(given) else velocity)

    def driver(self, command: Array, heading_gain: float = 0.0) -> Driver:
        """Return what asks for a velocity and turns the robot back to the heading of its start."""
        return HeadingHold(self.robot, self.goal.check(command), heading_gain)

    def speeds(self, wanted: tuple[float, ...]) -> tuple[float, ...]:
        """Return those that are wanted."""
        return wanted

    def trial(self, speed: float, seed: int) -> Array:
        """Return a velocity ahead."""
        return self.ahead(speed)

    def trial_name(self, speed: float) -> str:
        """Name the speed."""
        return f' at {speed} m/s'

    def result(self, distance_m: float, error: float) -> str:
        """Say how far it came."""
        return f'{distance_m:.2f} m'

    def score(
        self, linear_velocity: Array, angular_velocity: Array, joint_pos: Array, command: Array
    ) -> float:
        """Return exp(-(e / 0.25)^2) of the error along the ground and of the yaw rate, 2 : 1."""
        ahead = following(linear_velocity[:2], command[:2], SCORED_MPS)
        turn = following(angular_velocity[2:], command[2:], SCORED_RADPS)
        return float(ahead + TURN_WEIGHT * turn) / (1.0 + TURN_WEIGHT)

    def progress(
        self, ahead_m: float, joint_pos: Array, wanted: Array, seconds: float
    ) -> tuple[float, float]:
        """Return the way ahead, and speed times time."""
        return ahead_m, float(wanted[0]) * seconds

    def error(self, velocity: Array, joint_pos: Array, wanted: Array) -> float:
        """Return the distance of the velocity along the ground, see `tracking_error`."""
        return tracking_error(self.robot, velocity[:, :2], wanted[..., :2])
