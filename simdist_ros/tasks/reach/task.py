"""Bringing the tool of an arm to a place in the frame of its base, and keeping it there."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from simdist_ros.core.errors import ConfigError
from simdist_ros.core.settings import Settings, setting
from simdist_ros.embodiment.kinematics import tool_chain
from simdist_ros.embodiment.observation_terms import observed_joint_pos
from simdist_ros.embodiment.robot import Robot
from simdist_ros.tasks.goal import GoalSpec
from simdist_ros.tasks.step import Scoring, Step
from simdist_ros.tasks.task import Task

__all__ = ['ReachSettings', 'ReachTask', 'ReachWeights']

Array = NDArray[np.floating[Any]]

MEASURED = 'joint_pos'
TRIES = 8  # poses drawn for each place; a tool that stays outside its bounds goes to the nearest
PLACES = 4  # that show what a model could do
SEED = 20  # of these places
MOVING_S = 1.0  # from one place to another; not part of the error


@dataclass(frozen=True, kw_only=True)
class ReachSettings(Settings):
    """Where the tool may be asked to go, ``tasks: reach:`` of a robot."""

    low: tuple[float, ...] = setting(
        (), 'Smallest x, y, z of the tool in the frame of the base.', unit='m'
    )
    high: tuple[float, ...] = setting(
        (), 'Largest x, y, z of the tool in the frame of the base.', unit='m'
    )
    tolerance_m: float = setting(
        0.03, 'Distance within which a place counts as reached.', unit='m', above=0.0
    )

    def __post_init__(self) -> None:
        """Check that the bounds belong together."""
        super().__post_init__()
        if len(self.low) != 3 or len(self.high) != 3:
            raise ConfigError(
                f'low has {len(self.low)} numbers and high {len(self.high)}; give x, y, z in both'
            )
        if any(low > high for low, high in zip(self.low, self.high, strict=True)):
            raise ConfigError(f'low is {list(self.low)}, beyond high, {list(self.high)}')


@dataclass(frozen=True, kw_only=True)
class ReachWeights(Settings):
    """Reward of one second; what is bad has a negative weight."""

    near: float = setting(2.0, 'Being near the place.')
    near_m: float = setting(0.2, 'Distance at which 1/e of `near` is left.', unit='m', low=0.001)
    there: float = setting(2.0, 'Being at the place.')
    there_m: float = setting(0.03, 'Distance at which 1/e of `there` is left.', unit='m', low=1e-3)
    action_rate: float = setting(-0.01, 'Squared change of the action.')
    torque: float = setting(-2e-5, 'Squared torque [1/(N m)2].')
    joint_speed: float = setting(-2e-3, 'Squared joint velocity [s2/rad2].')


class ReachTask(Task):
    """The command is x, y, z of the tool in the frame of the base."""

    name = 'reach'
    topic = 'goal'
    message_type = 'geometry_msgs/msg/PoseStamped'
    weights = ReachWeights
    earned = ('near', 'there')
    mirror = (1.0, -1.0, 1.0)
    hold_steps = (50, 150)
    error_unit = 'm'
    progress_is = (
        'metres by which the tool came nearer to its place; success line: its distance at the '
        'start'
    )
    scales_commands: ClassVar[bool] = False
    has_end: ClassVar[bool] = True

    def __init__(self, robot: Robot) -> None:
        """Find the robot's tool.

        Raises:
            ConfigError: It has none, or its joint positions are not observed.
        """
        super().__init__(robot)
        self.chain = tool_chain(robot)
        if MEASURED not in robot.proprio_obs:
            raise ConfigError(
                f'robot {robot.name!r} has no {MEASURED!r} in proprio_obs; task {self.name!r} '
                'tells by it where the tool is'
            )
        source = f'robot {robot.name!r}: tasks: {self.name}'
        self.settings = ReachSettings.from_mapping(robot.tasks.get(self.name, {}), source)
        low, high = np.array(self.settings.low), np.array(self.settings.high)
        owner = f'robot {robot.name!r}'
        self.goal = GoalSpec(owner, ('x', 'y', 'z'), ('m', 'm', 'm'), low, high)

    def where(self, position: Array, joint_pos: Array) -> str:
        """Say where the tool is in the frame of the base."""
        x, y, z = self.chain.position(joint_pos)
        return f'tool at {x:.2f}, {y:.2f}, {z:.2f} m'

    def first_command(self) -> Array:
        """Stay where the tool is in the standing pose, or as near as may be asked for."""
        return self.goal.clip(self.chain.position(self.robot.per_joint('stand')))

    def unasked(self, last: Array) -> Array:
        """Keep the tool where it was last sent."""
        return last

    def accepted(self, command: Array) -> Array | None:
        """Refuse a place out of range."""
        return self.goal.clip(command) if self.goal.holds(command) else None

    def draw(self, number: int, rng: np.random.Generator, scale: float = 1.0) -> Array:
        """Draw places that the tool reaches in some pose, (number, 3) [m].

        Args:
            number: How many.
            rng: Randomness.
            scale: How far the joints may leave the standing pose, as a share of their ranges.
        """
        stand = self.robot.per_joint('stand')
        low, high = self.robot.per_joint('low'), self.robot.per_joint('high')
        drawn = rng.uniform(low, high, (number, TRIES, self.robot.num_joints))
        places = self.chain.position(stand + scale * (drawn - stand))
        outside = np.abs(places - self.goal.clip(places)).sum(axis=-1)  # (number, TRIES)
        chosen = places[np.arange(number), outside.argmin(axis=1)]
        return self.goal.clip(chosen)

    def reward_terms(self, scoring: Scoring, step: Step) -> dict[str, Array]:
        """Score how near the tool is, twice: felt from far away, and in detail; motion costs."""
        w = cast(ReachWeights, scoring.rewards)
        joint_pos = step.joint_offset + self.robot.per_joint('default')
        squared = np.sum((self.chain.position(joint_pos) - step.command) ** 2, axis=-1)
        return {
            'near': w.near * np.exp(-np.sqrt(squared) / w.near_m),
            'there': w.there * np.exp(-squared / w.there_m**2),
            'action_rate': w.action_rate * np.sum((step.action - step.last_action) ** 2, axis=-1),
            'torque': w.torque * np.sum(step.torque**2, axis=-1),
            'joint_speed': w.joint_speed * np.sum(step.joint_vel**2, axis=-1),
        }

    def tracking(self, scoring: Scoring, terms: Mapping[str, Array]) -> Array:
        """Return how near the tool is, as seen from far."""
        tracked: Array = terms['near'] / cast(ReachWeights, scoring.rewards).near
        return tracked

    def why_not_recorded(self) -> str:
        """Joint positions are observed, so nothing is missing."""
        return ''

    def measured(self, proprio_obs: Array) -> Array:
        """Return where the tool is in the frame of the base, (..., 3) [m]."""
        return self.chain.position(observed_joint_pos(self.robot, proprio_obs))

    def distance(self, proprio_obs: Array, commands: Array) -> Array:
        """Return how far the tool is from its place, (...) [m], by sensors alone."""
        distance: Array = np.linalg.norm(self.measured(proprio_obs) - commands, axis=-1)
        return distance

    def followed(self, proprio_obs: Array, commands: Array) -> Array:
        """Return exp(-d / (3 s)) of the distance d, of which s is the tolerance."""
        return self.nearness(self.distance(proprio_obs, commands))

    def nearness(self, distance_m: Array) -> Array:
        """Return exp(-d / (3 s)) of distances, (...)."""
        near: Array = np.exp(-distance_m / (3.0 * self.settings.tolerance_m))
        return near

    def succeeded(self, proprio_obs: Array, commands: Array) -> NDArray[np.bool_]:
        """Tell where the tool is within its tolerance, (...)."""
        there: NDArray[np.bool_] = (
            self.distance(proprio_obs, commands) <= self.settings.tolerance_m
        )
        return there

    def practice(self) -> list[Array]:
        """Return places spread over the range, the same ones each time."""
        return list(self.draw(PLACES, np.random.default_rng(SEED)))

    def trial(self, speed: float, seed: int) -> Array:
        """Return one of the places of `practice`."""
        return self.practice()[seed % PLACES]

    def score(
        self, linear_velocity: Array, angular_velocity: Array, joint_pos: Array, command: Array
    ) -> float:
        """Return how near the tool is, as `followed`."""
        off = self.chain.position(joint_pos) - command
        return float(self.nearness(np.linalg.norm(off, axis=-1)))

    def progress(
        self, ahead_m: float, joint_pos: Array, wanted: Array, seconds: float
    ) -> tuple[float, float]:
        """Return by how much the tool came nearer to its place, and how far it was off."""
        before, after = np.linalg.norm(self.chain.position(joint_pos) - wanted, axis=-1)
        return float(before - after), float(before)

    def error(self, velocity: Array, joint_pos: Array, wanted: Array) -> float:
        """Return the mean distance of the tool from its place after a second [m]."""
        skipped = round(MOVING_S * self.robot.control_rate_hz)
        if len(joint_pos) <= skipped:
            return math.nan
        off = np.linalg.norm(self.chain.position(joint_pos) - wanted, axis=-1)
        return float(off[skipped:].mean())
