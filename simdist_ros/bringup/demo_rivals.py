"""What walks beside the demonstration's planner: the expert of its model, alone and with a PI."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.bringup.graph import GraphOptions
from simdist_ros.core.rotation import yaw
from simdist_ros.embodiment.robot import Robot
from simdist_ros.evaluation.closed_loop import Tick
from simdist_ros.evaluation.judged_walk import JudgedWalk
from simdist_ros.evaluation.planned_walk import PlannedWalk
from simdist_ros.evaluation.rivals import judge_rival
from simdist_ros.planning.settings import MppiSettings
from simdist_ros.sim.scenes.world import load_world
from simdist_ros.world_model.model import WorldModel

__all__ = ['SHOWN', 'RivalWalk', 'distance_ahead', 'rivals_line', 'walk_rivals']

Array = NDArray[np.floating[Any]]

SHOWN = {'expert': 'expert', 'expert_pi': 'expert + PI'}  # name by method


@dataclass(frozen=True, kw_only=True)
class RivalWalk:
    """A walk without a search and without data.

    Attributes:
        name: What walked, as readers know it.
        result: What it came to.
        poses: As `Recording.poses`, until a fall.
    """

    name: str
    result: JudgedWalk
    poses: Array


def walk_rivals(robot: Robot, model: WorldModel, options: GraphOptions) -> list[RivalWalk]:
    """Walk what the graph would walk with these options, in this process; seconds each.

    Args:
        robot: Who walks.
        model: As it came; without an expert there are no such rivals.
        options: World, seed, command and duration.
    """
    if model.expert is None:
        return []
    asked = PlannedWalk(
        world=load_world(options.world),
        seed=options.seed,
        command=(options.vx, options.vy, options.yaw_rate),
        seconds=options.duration_s,
        heading_gain=options.heading_gain,
    )
    found = []
    for method, name in SHOWN.items():
        ticks: list[Tick] = []
        walked = judge_rival(robot, None, model, MppiSettings(), method, asked, ticks.append)
        found.append(RivalWalk(name=name, result=walked, poses=poses_of(ticks)))
    return found


def poses_of(ticks: list[Tick]) -> Array:
    """Return time, position, orientation and joints of each moment, (N, 8 + num_joints)."""
    rows = [
        [1e-9 * t.time_ns, *t.position, *t.orientation, *t.joint_pos]
        for t in (tick.truth for tick in ticks)
    ]
    return np.array(rows)


def distance_ahead(poses: Array) -> Array:
    """Return how far ahead of its first pose, as it looked then, each lies, (N,) [m]."""
    heading = yaw(poses[0, 4:8])
    ahead: Array = (poses[:, 1:3] - poses[0, 1:3]) @ np.array([np.cos(heading), np.sin(heading)])
    return ahead


def rivals_line(rivals: list[RivalWalk]) -> list[str]:
    """Say how far the rivals came, in a line; none without rivals."""
    told = [
        f'{rival.name} {rival.result.distance_m:.2f} m{" and a fall" if rival.result.fell else ""}'
        for rival in rivals
    ]
    return [f'without planning  {", ".join(told)}'] if told else []
