"""Inserting a peg, held by the tool of an arm, into a hole whose pose is the command."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from simdist_ros.core.errors import ConfigError
from simdist_ros.core.rotation import rotation_vector
from simdist_ros.embodiment.goal_frame import GOAL_POSE, POINTING_DOWN, frame_of
from simdist_ros.embodiment.kinematics import tool_chain
from simdist_ros.embodiment.observation_terms import TOOL_UNITS, term_slice
from simdist_ros.embodiment.robot import Robot
from simdist_ros.tasks.goal import GoalSpec
from simdist_ros.tasks.insertion.settings import PegSettings, PegWeights
from simdist_ros.tasks.insertion.starts import REACH, STARTS, draw_starts, placed
from simdist_ros.tasks.step import Scoring, Step
from simdist_ros.tasks.task import Task

__all__ = ['PegTask']

Array = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]

MEASURED = 'tool_from_goal'
UNITS = ('m', 'm', 'm', 'rad')
# Corners of the tip and, crosswise, of the peg 4 cm behind it, in the frame of the tool.
KEYPOINTS_M = np.array(
    [[0.01, 0.01, 0.0], [-0.01, -0.01, 0.0], [0.01, -0.01, -0.04], [-0.01, 0.01, -0.04]]
)
SHARPNESS = {'far': (5.0, 4.0), 'near': (50.0, 2.0), 'there': (100.0, 0.0)}  # a [1/m] and b
ENGAGED_M = 0.003  # depth from which on the walls hold the peg
PLACES = 4  # that show what a model could do
SEED = 20  # of these places
MOVING_S = 3.0  # to the hole and into it; not part of the error


class PegTask(Task):
    """The command is x, y, z and yaw of the hole in the frame of the base; its axis is vertical.

    Source:
        Narang et al. 2022, "Factory", for keypoints and their reward.
    """

    name = 'peg'
    topic = 'goal'
    message_type = 'geometry_msgs/msg/PoseStamped'
    weights = PegWeights
    earned = ('far', 'near', 'there', 'engaged', 'inserted')
    mirror = (1.0, -1.0, 1.0, -1.0)
    hold_steps = (1_000_000, 1_000_001)  # a hole stays where it is
    error_unit = 'm'
    progress_is = (
        'metres by which the tip came nearer to the bottom of the hole; success line: its '
        'distance at the start'
    )
    scales_commands: ClassVar[bool] = False
    has_end: ClassVar[bool] = True
    has_fixture: ClassVar[bool] = True
    starts: ClassVar[tuple[str, ...]] = (REACH, *STARTS)
    wanders: ClassVar[bool] = False  # observations are of the hole that there is

    def __init__(self, robot: Robot) -> None:
        """Find the robot's tool.

        Raises:
            ConfigError: It has none, no sensor at the wrist, or does not observe its tool.
        """
        super().__init__(robot)
        self.chain = tool_chain(robot)
        if not robot.wrench:
            raise ConfigError(
                f'robot {robot.name!r}: task {self.name!r} needs a sensor of force and torque at '
                'the wrist; name its site under wrench in the description, or choose another task'
            )
        if MEASURED not in robot.proprio_obs:
            raise ConfigError(
                f'robot {robot.name!r} has no {MEASURED!r} in proprio_obs; task {self.name!r} '
                'tells by it where the peg is'
            )
        source = f'robot {robot.name!r}: tasks: {self.name}'
        self.settings = PegSettings.from_mapping(robot.tasks.get(self.name, {}), source)
        low, high = np.array(self.settings.low), np.array(self.settings.high)
        self.goal = GoalSpec(f'robot {robot.name!r}', GOAL_POSE, UNITS, low, high)

    @property
    def can_fail(self) -> bool:
        """It fails by too much force, or far from any hole."""
        return True

    def where(self, position: Array, joint_pos: Array) -> str:
        """Say where the tip of the peg is in the frame of the base."""
        x, y, z = self.chain.position(joint_pos)
        return f'peg at {x:.3f}, {y:.3f}, {z:.3f} m'

    def first_command(self) -> Array:
        """Return the middle of where holes may be."""
        middle: Array = 0.5 * (self.goal.low + self.goal.high)
        return middle

    def unasked(self, last: Array) -> Array:
        """Go on with the hole that was told last."""
        return last

    def draw(self, number: int, rng: np.random.Generator, scale: float = 1.0) -> Array:
        """Draw poses of holes over a share of their range, (number, 4)."""
        middle, half = self.first_command(), 0.5 * (self.goal.high - self.goal.low)
        drawn: Array = middle + scale * half * rng.uniform(-1.0, 1.0, (number, self.goal.size))
        return drawn

    def accepted(self, command: Array) -> Array | None:
        """Refuse a place out of range."""
        return self.goal.clip(command) if self.goal.holds(command) else None

    def start_poses(self, standing: Array, commands: Array, rng: np.random.Generator) -> Array:
        """Begin far from the hole, at its rim, or with the peg in it, see `draw_starts`."""
        s = self.settings
        shares = s.near_share, s.inside_share
        return draw_starts(self.chain, standing, commands, shares, s.bottom_m, rng)

    def start_pose(
        self, start: str, standing: Array, command: Array, rng: np.random.Generator
    ) -> Array:
        """Begin where one of `starts` has the tip."""
        if start == REACH:
            return standing
        bottom_m = self.settings.bottom_m
        where = STARTS[start]
        pose: Array = placed(self.chain, standing[None], command[None], where, bottom_m, rng)[0]
        return pose

    def done(self, joint_pos: Array, commands: Array) -> Mask:
        """Tell which pegs are deep enough and upright in the holes that there are, (...)."""
        at, rotation = self.tip(joint_pos, commands)
        return self.is_in(at, rotation_vector(rotation @ POINTING_DOWN), self.settings.depth_m)

    def wanted_tool(self) -> Array:
        """Return the pose at the bottom of the hole."""
        return np.array([0.0, 0.0, -self.settings.bottom_m, 0.0, 0.0, 0.0])

    def tip(self, joint_pos: Array, commands: Array) -> tuple[Array, Array]:
        """Return place, (..., 3) [m], and axes, (..., 3, 3), of pegs in the frames of holes."""
        origin, axes = frame_of(commands)
        place, rotation, _ = self.chain.motion(joint_pos)
        inward = np.swapaxes(axes, -1, -2)
        return (inward @ (place - origin)[..., None])[..., 0], inward @ rotation

    def distance(self, at: Array, rotation: Array) -> Array:
        """Return the mean distance of the keypoints from where they are wanted, (...) [m]."""
        wanted = KEYPOINTS_M @ POINTING_DOWN - [0.0, 0.0, self.settings.bottom_m]
        points = at[..., None, :] + KEYPOINTS_M @ np.swapaxes(rotation, -1, -2)
        mean: Array = np.linalg.norm(points - wanted, axis=-1).mean(axis=-1)
        return mean

    def is_in(self, at: Array, turn: Array, depth_m: float) -> Mask:
        """Tell which pegs are as deep as that in the hole, and upright, (...).

        Args:
            at: Place of the tip in the frame of the hole, (..., 3) [m].
            turn: How it is turned there, a rotation vector, (..., 3) [rad].
            depth_m: Below the rim.
        """
        s = self.settings
        aside = np.linalg.norm(at[..., :2], axis=-1) <= s.aside_m
        upright = np.linalg.norm(turn[..., :2], axis=-1) <= s.tilt_rad
        inside: Mask = (at[..., 2] <= -depth_m) & aside & upright
        return inside

    def reward_terms(self, scoring: Scoring, step: Step) -> dict[str, Array]:
        """Score how near the peg is, thrice, and whether it is in; force and motion cost."""
        w = cast(PegWeights, scoring.rewards)
        joint_pos = step.joint_offset + self.robot.per_joint('default')
        at, rotation = self.tip(joint_pos, step.command)
        turn = rotation_vector(rotation @ POINTING_DOWN)
        distance = self.distance(at, rotation)
        near = {
            name: getattr(w, name) * squashed(distance, a, b) for name, (a, b) in SHARPNESS.items()
        }
        return {
            **near,
            'engaged': w.engaged * self.is_in(at, turn, ENGAGED_M),
            'inserted': w.inserted * self.is_in(at, turn, self.settings.depth_m),
            'force': w.force * np.sum(step.wrench[:, :3] ** 2, axis=-1),
            'action': w.action * np.sum(step.action**2, axis=-1),
            'action_rate': w.action_rate * np.sum((step.action - step.last_action) ** 2, axis=-1),
            'joint_speed': w.joint_speed * np.sum(step.joint_vel**2, axis=-1),
        }

    def tracking(self, scoring: Scoring, terms: Mapping[str, Array]) -> Array:
        """Return whether the peg is inserted, 0 or 1."""
        tracked: Array = terms['inserted'] / cast(PegWeights, scoring.rewards).inserted
        return tracked

    def lost(self, joint_pos: Array, wrench: Array, commands: Array) -> Mask:
        """Tell who pressed too hard or left the place where holes may be, (...)."""
        force = np.linalg.norm(wrench[..., :3], axis=-1)
        torque = np.linalg.norm(wrench[..., 3:], axis=-1)
        limits = self.robot.tool_limits
        held = (force <= limits.max_force_n) & (torque <= limits.max_torque_nm)
        place, space = self.chain.position(joint_pos), self.settings.space_m
        low, high = self.goal.low[:3] - space, self.goal.high[:3] + space
        lost: Mask = ~(held & ((place >= low) & (place <= high)).all(axis=-1))
        return lost

    def why_not_recorded(self) -> str:
        """The place of the tool is observed, so nothing is missing."""
        return ''

    def measured(self, proprio_obs: Array) -> Array:
        """Nothing measures where a hole is."""
        return super().measured(proprio_obs)

    def seen(self, proprio_obs: Array) -> Array:
        """Return place [m] and rotation vector [rad] of pegs in the frames of holes, (..., 6)."""
        found: Array = proprio_obs[..., term_slice(self.robot, MEASURED)] / TOOL_UNITS
        return found

    def followed(self, proprio_obs: Array, commands: Array) -> Array:
        """Return how near the tip is to the bottom of the hole, (...), 0 .. 1."""
        return self.nearness(self.seen(proprio_obs)[..., :3])

    def nearness(self, at: Array) -> Array:
        """Return the squashed distance of tips, (..., 3) [m], from the bottom, (...)."""
        off = np.linalg.norm(at + [0.0, 0.0, self.settings.bottom_m], axis=-1)
        return squashed(off, *SHARPNESS['near'])

    def succeeded(self, proprio_obs: Array, commands: Array) -> Mask:
        """Tell where the peg is inserted by joint angles and the pose of the hole, (...)."""
        seen = self.seen(proprio_obs)
        return self.is_in(seen[..., :3], seen[..., 3:], self.settings.depth_m)

    def practice(self) -> list[Array]:
        """Return holes spread over the range, the same ones each time."""
        return list(self.draw(PLACES, np.random.default_rng(SEED)))

    def trial(self, speed: float, seed: int) -> Array:
        """Return the hole of a trial, one of its own for each seed."""
        hole: Array = self.draw(1, np.random.default_rng([SEED, seed]))[0]
        return hole

    def score(
        self, linear_velocity: Array, angular_velocity: Array, joint_pos: Array, command: Array
    ) -> float:
        """Return how near the tip is to the bottom of the hole."""
        return float(self.nearness(self.tip(joint_pos, command)[0]))

    def off(self, joint_pos: Array, wanted: Array) -> Array:
        """Return the distance of tips from the bottom of the hole, (...) [m]."""
        at, _ = self.tip(joint_pos, wanted)
        distance: Array = np.linalg.norm(at + [0.0, 0.0, self.settings.bottom_m], axis=-1)
        return distance

    def progress(
        self, ahead_m: float, joint_pos: Array, wanted: Array, seconds: float
    ) -> tuple[float, float]:
        """Return by how much the tip came nearer to the bottom, and how far it was off."""
        before, after = self.off(joint_pos, wanted)
        return float(before - after), float(before)

    def error(self, velocity: Array, joint_pos: Array, wanted: Array) -> float:
        """Return the mean distance of the tip from the bottom after some seconds [m]."""
        skipped = round(MOVING_S * self.robot.control_rate_hz)
        if len(joint_pos) <= skipped:
            return math.nan
        return float(self.off(joint_pos, wanted)[skipped:].mean())


def squashed(distance: Array, sharpness: float, floor: float) -> Array:
    """Return 1 at distance 0 and less farther away, (b + 2) / (e^-ax + b + e^ax), (...)."""
    scaled = np.minimum(sharpness * distance, 50.0)
    near: Array = (floor + 2.0) / (np.exp(-scaled) + floor + np.exp(scaled))
    return near
