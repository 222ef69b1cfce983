"""What every task says of itself; those who train, plan, judge and report ask here."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from simdist_ros.core.errors import ConfigError
from simdist_ros.core.settings import Settings
from simdist_ros.embodiment.robot import Robot
from simdist_ros.tasks.falling import has_fallen
from simdist_ros.tasks.goal import GoalSpec
from simdist_ros.tasks.step import Scoring, Step

__all__ = ['Driver', 'Steady', 'Task']

Array = NDArray[np.floating[Any]]


class Driver(Protocol):
    """What asks for something at every tick."""

    def command(self, orientation: Array) -> Array:
        """Return the command for a base orientation as w, x, y, z, (command_dim,)."""


class Steady:
    """A driver that asks for the same all the time."""

    def __init__(self, wanted: Array) -> None:
        """Take the command, (command_dim,)."""
        self.wanted = wanted

    def command(self, orientation: Array) -> Array:
        """Return it."""
        return self.wanted


class Task(ABC):
    """What one robot is asked for, and how it is told how well it did.

    Attributes:
        name: As under ``tasks`` of a robot's description.
        topic: That commands come on, relative to the robot's namespace.
        message_type: Of that topic.
        weights: Settings class of the reward, ``rewards`` of a recipe.
        earned: Names of the terms of the reward that are earned; the others are penalties.
        mirror: Sign of each number of a command in the mirror image.
        hold_steps: For how many steps a command of the training holds: at least, fewer than.
        error_unit: Of `error`, as names of figures have it.
        progress_is: What `progress` means, for readers of a report.
        scales_commands: Whether more or less of a command is a command that a policy may follow
            better than the one asked for, so that a search may propose it.
        has_speeds: Whether trials differ in a speed ahead, and a distance tells how they went.
        has_end: Whether a trial can be done, see `succeeded`.
        panels: What the figure of a run shows of the motion, names of `evaluation.plot`.
        noun: What one go at it is called in messages; several have an s at the end.
        goal: What may be asked for.
        wanders: Whether a robot can do something else than it is told, so that data show it.
        has_fixture: Whether it needs a block with a hole where the command says.
        holds_heading: Whether its driver can steer, see `driver`.
        starts: How trials begin; the first is the standing pose.
    """

    name: ClassVar[str]
    topic: ClassVar[str]
    message_type: ClassVar[str]
    weights: ClassVar[type[Settings]]
    earned: ClassVar[tuple[str, ...]]
    mirror: ClassVar[tuple[float, ...]]
    hold_steps: ClassVar[tuple[int, int]]
    error_unit: ClassVar[str]
    progress_is: ClassVar[str]
    scales_commands: ClassVar[bool]
    has_speeds: ClassVar[bool] = False
    has_end: ClassVar[bool] = False
    noun: ClassVar[str] = 'trial'
    panels: ClassVar[tuple[str, ...]] = ('joints',)
    has_fixture: ClassVar[bool] = False
    wanders: ClassVar[bool] = True
    starts: ClassVar[tuple[str, ...]] = ('stand',)
    goal: GoalSpec
    holds_heading: bool = False

    def __init__(self, robot: Robot) -> None:
        """Take a robot that has what the task needs.

        Raises:
            ConfigError: It lacks something, or its settings of the task break a rule.
        """
        self.robot = robot

    @property
    def can_fail(self) -> bool:
        """Whether a trial may end before its time: by default what cannot move cannot fall."""
        return self.robot.has_free_base

    @abstractmethod
    def where(self, position: Array, joint_pos: Array) -> str:
        """Say where the robot is, as progress has it.

        Args:
            position: Of the base, from its start, (3,) [m].
            joint_pos: (num_joints,) [rad].
        """

    @abstractmethod
    def first_command(self) -> Array:
        """Return what is asked for before anybody asks, (command_dim,)."""

    @abstractmethod
    def unasked(self, last: Array) -> Array:
        """Return what is asked for once the last command is too old, (command_dim,)."""

    @abstractmethod
    def draw(self, number: int, rng: np.random.Generator, scale: float = 1.0) -> Array:
        """Draw commands for training over a share of their range, (number, command_dim)."""

    @abstractmethod
    def reward_terms(self, scoring: Scoring, step: Step) -> dict[str, Array]:
        """Return each term of the reward of one second, weighted, (N,)."""

    @abstractmethod
    def tracking(self, scoring: Scoring, terms: Mapping[str, Array]) -> Array:
        """Return how well the command was followed, (N,), 0 .. 1, given the terms of a step."""

    def failed(
        self,
        gravity: Array,
        height_m: float | Array,
        *,
        trunk_contact: bool | NDArray[np.bool_] = False,
        without_ground: bool = False,
    ) -> NDArray[np.bool_]:
        """Tell who has failed, (...), so that an episode ends: by default who has fallen.

        Args:
            gravity: Direction of gravity in the base frame, (..., 3).
            height_m: Of the base above the ground, (...) [m]; NaN where unknown.
            trunk_contact: Whether the trunk touches the ground, (...); only a simulator knows.
            without_ground: Whether an unknown height means that there is no ground.
        """
        return has_fallen(
            self.robot,
            gravity,
            height_m,
            trunk_contact=trunk_contact,
            without_ground=without_ground,
        )

    def lost(self, joint_pos: Array, wrench: Array, commands: Array) -> NDArray[np.bool_]:
        """Tell who has failed in a way that only the task knows, (...); by default nobody.

        Args:
            joint_pos: (..., num_joints) [rad].
            wrench: That acts on the tool, (..., 6) [N, N m].
            commands: (..., command_dim).
        """
        return np.zeros(joint_pos.shape[:-1], dtype=bool)

    def start_poses(self, standing: Array, commands: Array, rng: np.random.Generator) -> Array:
        """Return the joint angles in which episodes of a training begin, (n, num_joints) [rad].

        Args:
            standing: Around the standing pose, which is what they are by default.
            commands: (n, command_dim).
            rng: Randomness.
        """
        return standing

    def start_pose(
        self, start: str, standing: Array, command: Array, rng: np.random.Generator
    ) -> Array:
        """Return the joint angles in which a trial begins, (num_joints,) [rad].

        Args:
            start: One of `starts`.
            standing: Around the standing pose, which is what they are by default.
            command: (command_dim,).
            rng: Randomness.
        """
        return standing

    def done(self, joint_pos: Array, commands: Array) -> NDArray[np.bool_]:
        """Tell where it is really done, (...), as a simulator knows; by default nowhere.

        Args:
            joint_pos: True angles, (..., num_joints) [rad].
            commands: Where the fixture really is, (..., command_dim).
        """
        return np.zeros(joint_pos.shape[:-1], dtype=bool)

    def wanted_tool(self) -> Array | None:
        """Return where the tool is wanted in the frame of the goal, (6,) [m, rad], if it is."""
        return None

    def succeeded(self, proprio_obs: Array, commands: Array) -> NDArray[np.bool_] | None:
        """Tell where it was done, (...), by sensors alone; None for a task without an end.

        Args:
            proprio_obs: (..., proprio_obs_dim).
            commands: (..., command_dim).
        """
        return None

    @abstractmethod
    def why_not_recorded(self) -> str:
        """Say why a robot's observations do not tell how well it did; empty where they do."""

    @abstractmethod
    def followed(self, proprio_obs: Array, commands: Array) -> Array:
        """Return how well each step followed its command, (...), 0 .. 1, by sensors alone.

        Args:
            proprio_obs: After each step, (..., proprio_obs_dim).
            commands: That each answered, (..., command_dim).
        """

    def measured(self, proprio_obs: Array) -> Array:
        """Return what sensors say of each number of a command, (..., command_dim).

        A controller that corrects commands compares it with what is asked for. NaN where nothing
        is measured, which is everywhere unless a task says more.

        Args:
            proprio_obs: (..., proprio_obs_dim).
        """
        return np.full((*proprio_obs.shape[:-1], self.goal.size), np.nan)

    def worth(self, proprio_obs: Array, commands: Array) -> Array:
        """Return what each step was worth, (...), 0 .. 1, by sensors alone; as `followed`."""
        return self.followed(proprio_obs, commands)

    @abstractmethod
    def practice(self) -> list[Array]:
        """Return commands, (command_dim,) each, that show what a model could do before."""

    def accepted(self, command: Array) -> Array | None:
        """Return what a robot makes of a command that comes while it works, (command_dim,).

        By default the nearest that it can be asked for. A place out of reach is refused, which is
        None: the nearest one is another place.
        """
        return self.goal.clip(command)

    def asked(self, given: Sequence[float], velocity: Sequence[float]) -> Array:
        """Return what a user asks for, (command_dim,), not checked yet.

        Args:
            given: The numbers of a command; none for the task's own.
            velocity: Of the base, for a task that follows one: vx, vy [m/s] and yaw rate [rad/s].
        """
        return np.array(given) if len(given) else self.first_command()

    def driver(self, command: Array, heading_gain: float = 0.0) -> Driver:
        """Return what asks for a command all the time, and steers if a gain is given [1/s].

        Raises:
            ConfigError: The command is out of range, or cannot be steered.
        """
        if heading_gain:
            raise ConfigError(
                f'heading_gain is {heading_gain}, but task {self.name!r} holds no heading; leave '
                'it 0'
            )
        return Steady(self.goal.check(command))

    def speeds(self, wanted: tuple[float, ...]) -> tuple[float, ...]:
        """Return the speeds ahead that an evaluation asks for [m/s]; 0 alone where there are none.

        Args:
            wanted: As its settings have them [m/s].
        """
        return (0.0,)

    @abstractmethod
    def trial(self, speed: float, seed: int) -> Array:
        """Return the command of a trial, (command_dim,).

        Args:
            speed: Ahead, one of `speeds` [m/s].
            seed: Of the trial.
        """

    def trial_name(self, speed: float) -> str:
        """Return what distinguishes a trial from others, after the name of its world."""
        return ''

    def result(self, distance_m: float, error: float) -> str:
        """Say in a few words how a trial went.

        Args:
            distance_m: Of the base from its start.
            error: As `error` has it.
        """
        return f'{error:.3f} {self.unit} off'

    @property
    def unit(self) -> str:
        """Unit of `error`, as texts have it."""
        return {'mps': 'm/s'}.get(self.error_unit, self.error_unit)

    @abstractmethod
    def score(
        self, linear_velocity: Array, angular_velocity: Array, joint_pos: Array, command: Array
    ) -> float:
        """Return how well a command is met now, 0 .. 1: a reward that needs no recipe.

        Args:
            linear_velocity: Of the base in its frame, (3,) [m/s].
            angular_velocity: Of the base in its frame, (3,) [rad/s].
            joint_pos: (num_joints,) [rad].
            command: (command_dim,).
        """

    @abstractmethod
    def progress(
        self, ahead_m: float, joint_pos: Array, wanted: Array, seconds: float
    ) -> tuple[float, float]:
        """Return how far a robot got, and how far it was asked to get: the success line [m].

        Args:
            ahead_m: Along the ground in the direction in which it first looked [m].
            joint_pos: At the start and at the end, (2, num_joints) [rad].
            wanted: The command, (command_dim,).
            seconds: For how long it was asked for.
        """

    @abstractmethod
    def error(self, velocity: Array, joint_pos: Array, wanted: Array) -> float:
        """Return how far off the command a robot was, a mean once it has got under way.

        Args:
            velocity: Of the base in its frame, one row a control step, (N, 3) [m/s].
            joint_pos: (N, num_joints) [rad].
            wanted: The command, (command_dim,), or one each step, (N, command_dim).

        Returns:
            In `error_unit`; NaN where it ended before it counts.
        """
