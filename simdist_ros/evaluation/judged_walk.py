"""One walk in closed loop and what it came to: progress, error, reward, fall, success."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.core.rotation import yaw
from simdist_ros.embodiment.command import JointCommand
from simdist_ros.embodiment.observation import RobotState, proprio_obs
from simdist_ros.embodiment.robot import Robot
from simdist_ros.evaluation.closed_loop import Tick, Walker, closed_loop
from simdist_ros.evaluation.planned_walk import PlannedWalk
from simdist_ros.evaluation.walk_scoring import WalkReward
from simdist_ros.sim.scenes.world import World
from simdist_ros.sim.simulated_robot import SimulatedRobot, TrueState
from simdist_ros.tasks.choice import task_of
from simdist_ros.tasks.step import Scoring

__all__ = ['JudgedWalk', 'along_ground', 'judged_walk', 'outcome']

Array = NDArray[np.floating[Any]]
F32 = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class JudgedWalk:
    """What a walk came to.

    Attributes:
        progress_m: How far it got, see `Task.progress`; not capped at the success line.
        line_m: The success line: how far it was asked to get.
        distance_m: From the start, along the ground.
        fell: Whether it fell.
        lasted_s: Until it fell, or the end.
        command_error: Mean distance from the command after the first second, see `Task.error`: of
            a velocity [m/s], of a place [m]; NaN for a walk that ended before. Of the command
            asked for, not of what a controller made of it.
        reward_per_s: The reward that training maximises, over the whole time of the walk: nothing
            is earned after a fall. NaN for a robot without a recipe.
        succeeded: Whether it was done at the end; None for a task without an end.
    """

    progress_m: float
    line_m: float
    distance_m: float
    fell: bool
    lasted_s: float
    command_error: float
    reward_per_s: float
    succeeded: bool | None

    @property
    def counted_m(self) -> float:
        """Progress up to the success line: what is beyond was not asked for."""
        return min(self.progress_m, self.line_m)


def judged_walk(
    robot: Robot,
    scoring: Scoring | None,
    walker: Walker,
    asked: PlannedWalk,
    note: Callable[[Tick], None] | None = None,
) -> JudgedWalk:
    """Walk until the time is over or the robot falls.

    Args:
        robot: Who walks.
        scoring: What decides the reward; None for none.
        walker: Answers each state.
        asked: Where, for how long and what for.
        note: Told each tick before a fall.
    """
    simulation = SimulatedRobot(robot, asked.world, asked.seed, np.array(asked.command))
    reward = None if scoring is None else WalkReward(robot, scoring, simulation)
    earned = math.nan if reward is None else 0.0
    truths: list[TrueState] = []
    executed: JointCommand | None = None
    wanted: F32 = np.array(asked.command, dtype=np.float32)
    last: RobotState | None = None
    for tick in closed_loop(simulation, walker, asked.driver(robot), asked.steps(robot)):
        truths.append(tick.truth)
        last = tick.state
        if tick.truth.has_fallen:
            break
        if reward is not None and executed is not None:
            earned += reward.step(wanted, executed)
        wanted, executed = tick.velocity, tick.command
        if note is not None:
            note(tick)
    return outcome(robot, asked, truths, last, earned)


def outcome(
    robot: Robot,
    asked: PlannedWalk,
    truths: Sequence[TrueState],
    last: RobotState | None = None,
    earned: float = math.nan,
) -> JudgedWalk:
    """Turn what happened into figures.

    Args:
        robot: Who walked.
        asked: What for.
        truths: What was really so, from the start to the fall or the end.
        last: What the sensors said last.
        earned: Sum of the rewards of all steps.
    """
    task, steps = task_of(robot), asked.steps(robot)
    command = np.array(asked.command, dtype=np.float32)
    velocity = np.array([truth.linear_velocity for truth in truths[1:]]).reshape(-1, 3)
    joint_pos = np.array([truth.joint_pos for truth in truths[1:]]).reshape(-1, robot.num_joints)
    ends = np.array([truths[0].joint_pos, truths[-1].joint_pos])
    progress, line = task.progress(ahead(asked.world, truths), ends, command, asked.seconds)
    fell = len(truths) <= steps or truths[-1].has_fallen
    done = None if last is None else task.succeeded(proprio_obs(robot, last, command), command)
    return JudgedWalk(
        progress_m=progress,
        line_m=line,
        distance_m=float(np.linalg.norm((truths[-1].position - truths[0].position)[:2])),
        fell=fell,
        lasted_s=(len(truths) - 1) * robot.period_s,
        command_error=task.error(velocity, joint_pos, command),
        reward_per_s=earned / steps,
        succeeded=None if done is None else bool(done) and not fell,
    )


def ahead(world: World, truths: Sequence[TrueState]) -> float:
    """Return the way along the ground in the direction in which the base first looked [m]."""
    first, last = truths[0], truths[-1]
    heading = yaw(first.orientation)
    looked = np.array([math.cos(heading), math.sin(heading)])
    return along_ground(world, float((last.position - first.position)[:2] @ looked))


def along_ground(world: World, forward_m: float) -> float:
    """Return the way along the ground to a point this far ahead of the start, level [m]."""
    on_slope = max(0.0, forward_m - world.level_start_m) if world.terrain == 'slope' else 0.0
    return forward_m - on_slope + on_slope / math.cos(math.radians(world.slope_deg))
