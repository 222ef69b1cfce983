"""How far a walk got."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from simdist_ros.core.rotation import yaw
from simdist_ros.embodiment.robot import Robot
from simdist_ros.evaluation.planned_walk import PlannedWalk, walk
from simdist_ros.planning.settings import MppiSettings
from simdist_ros.sim.scenes.world import World
from simdist_ros.sim.simulated_robot import TrueState
from simdist_ros.world_model.model import WorldModel

__all__ = ['Progress', 'judge_walk', 'measure_progress']


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a walk got.

    Attributes:
        progress_m: Along the ground in the direction that was asked for, until it fell; what is
            beyond `line_m` does not count, for it was not commanded.
        distance_m: The same, all of it counted.
        line_m: As far as was asked for: the success line.
        fell: Whether it fell.
        lasted_s: Until it fell, or the end.
    """

    progress_m: float
    distance_m: float
    line_m: float
    fell: bool
    lasted_s: float


def judge_walk(
    robot: Robot, model: WorldModel, mppi: MppiSettings, asked: PlannedWalk
) -> Progress:
    """Walk until the time is over or the robot falls."""
    truths: list[TrueState] = []
    for tick in walk(robot, model, mppi, asked):
        truths.append(tick.truth)
        if tick.truth.has_fallen:
            break
    return measure_progress(robot, asked, truths)


def measure_progress(robot: Robot, asked: PlannedWalk, truths: Sequence[TrueState]) -> Progress:
    """Turn what really happened, from the start to the fall or the end, into figures."""
    first, last = truths[0], truths[-1]
    heading = yaw(first.orientation)
    ahead = np.array([math.cos(heading), math.sin(heading)])
    distance = along_ground(asked.world, float((last.position - first.position)[:2] @ ahead))
    line, steps = asked.speed * asked.seconds, round(asked.seconds * robot.control_rate_hz)
    return Progress(
        progress_m=min(distance, line),
        distance_m=distance,
        line_m=line,
        fell=last.has_fallen or len(truths) <= steps,
        lasted_s=(len(truths) - 1) * robot.period_s,
    )


def along_ground(world: World, forward_m: float) -> float:
    """Return the way along the ground to a point this far ahead of the start, level [m]."""
    on_slope = max(0.0, forward_m - world.level_start_m) if world.terrain == 'slope' else 0.0
    return forward_m - on_slope + on_slope / math.cos(math.radians(world.slope_deg))
