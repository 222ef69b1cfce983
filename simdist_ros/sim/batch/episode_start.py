"""How an episode starts: where a robot stands, when things will happen to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.embodiment.action_space import action_space_of
from simdist_ros.embodiment.robot import Robot
from simdist_ros.sim.batch.bumps import PERIOD_M
from simdist_ros.sim.batch.settings import BatchSettings
from simdist_ros.sim.batch.state_layout import StateLayout
from simdist_ros.tasks.choice import task_of

__all__ = ['EpisodeStart', 'draw_push_steps', 'draw_pushes', 'draw_start']

Array = NDArray[np.floating[Any]]
Ints = NDArray[np.int64]

START_SPEED_MPS = 0.3  # of a half of the robots, each way


@dataclass(frozen=True)
class EpisodeStart:
    """How n robots start.

    Attributes:
        state: MuJoCo's, on ground of height 0, whose base is yet to be lifted, (n, state size).
        stamp_ns: What each robot's clock shows, (n,) [ns].
        delay: Age of its measurements in physics steps, (n,).
        commands: (n, command_dim).
        next_command: Steps until the command changes, (n,).
        next_push: Steps until a push comes, (n,).
        last_action: That holds the pose it starts in, (n, action_dim).
        executed: The same.
        plan_delay: Control steps until an action takes effect, (n,).
    """

    state: Array
    stamp_ns: Ints
    delay: Ints
    commands: Array
    next_command: Ints
    next_push: Ints
    last_action: Array
    executed: Array
    plan_delay: Ints


def draw_start(
    robot: Robot,
    settings: BatchSettings,
    layout: StateLayout,
    n: int,
    rng: np.random.Generator,
    *,
    physics_step_ns: int,
    command_scale: float,
    zero_offset: Array,
) -> EpisodeStart:
    """Draw how n robots start.

    Args:
        robot: Whose poses and commands.
        settings: The ranges.
        layout: Of the states.
        n: How many.
        rng: Randomness.
        physics_step_ns: The clocks show multiples of it [ns].
        command_scale: Share of the range of commands.
        zero_offset: By which the joints' encoders are wrong, (n, num_joints) [rad]; a robot takes
            the pose in which they read what is drawn.
    """
    r, task = settings.randomisation, task_of(robot)
    state = np.tile(layout.blank, (n, 1))
    yaw = rng.uniform(-np.pi, np.pi, n)
    half = 0.5 * PERIOD_M
    layout.place(state, rng.uniform(-half, half, (n, 2)), yaw)
    offset = rng.uniform(-r.start_offset_rad, r.start_offset_rad, (n, robot.num_joints))
    low, high = robot.per_joint('low'), robot.per_joint('high')
    pose = np.clip(robot.per_joint('stand') + offset, low, high)
    limit = START_SPEED_MPS
    speed = rng.uniform(-limit, limit, (n, 3)) * (rng.random((n, 1)) < 0.5)
    layout.throw(state, speed)
    ticks = round(robot.phase_period_s * 1e9 / physics_step_ns)
    action = action_space_of(robot).from_joints(pose, pose)
    # The order of the draws is part of what a seed means.
    drawn = EpisodeStart(
        state=state,
        stamp_ns=rng.integers(ticks, size=n) * physics_step_ns,
        delay=rng.integers(r.delay_steps + 1, size=n),
        commands=task.draw(n, rng, command_scale),
        next_command=rng.integers(*task.hold_steps, size=n),
        next_push=draw_push_steps(robot, settings, n, rng),
        last_action=action,
        executed=action,
        plan_delay=rng.integers(r.plan_delay_steps + 1, size=n),
    )
    pose = np.clip(task.start_poses(pose, drawn.commands, rng), low, high)
    state[:, layout.joint_pos] = np.clip(pose - zero_offset, low, high)
    action[:] = action_space_of(robot).from_joints(pose, pose)
    return drawn


def draw_push_steps(
    robot: Robot, settings: BatchSettings, n: int, rng: np.random.Generator
) -> Ints:
    """Draw in how many steps the next push comes, (n,)."""
    mean = settings.randomisation.push_interval_s * robot.control_rate_hz
    return np.rint(rng.uniform(0.5, 1.5, n) * mean).astype(np.int64)


def draw_pushes(settings: BatchSettings, n: int, rng: np.random.Generator) -> Array:
    """Draw what pushes add to the velocity of bases, (n, 2) [m/s]."""
    angle = rng.uniform(-np.pi, np.pi, n)
    speed = rng.uniform(0.0, settings.randomisation.push_speed_mps, n)
    return np.stack([speed * np.cos(angle), speed * np.sin(angle)], axis=1)
