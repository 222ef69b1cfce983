"""Walks with one fault each in what the software sees, beside the same walks without it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from benchmarks.options import BenchmarkOptions
from simdist_ros.embodiment.robot import Robot, load_robot
from simdist_ros.evaluation.closed_loop import closed_loop
from simdist_ros.evaluation.faulty_states import FaultyStates, kinds_for
from simdist_ros.planning.controller import Controller
from simdist_ros.planning.planner import Planner
from simdist_ros.planning.settings import MppiSettings, search_for
from simdist_ros.safety.modes import Mode
from simdist_ros.safety.settings import SafetySettings
from simdist_ros.safety.supervision import Supervision
from simdist_ros.sim.scenes.world import load_world
from simdist_ros.sim.simulated_robot import SimulatedRobot
from simdist_ros.tasks.choice import task_of
from simdist_ros.tasks.task import Steady
from simdist_ros.world_model.model import WorldModel
from simdist_ros.world_model.store.checkpoint import find_model, load_model
from simdist_ros.world_model.store.manifest import read_manifest

SPEED_MPS, SECONDS = 1.0, 6.0  # the speed is for a task that has speeds
FIRST, LAST = 100, 200  # ticks between which the fault comes


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a walk went: whether it fell, the largest target step [rad], faults by name."""

    fell: bool
    largest_step_rad: float
    named: Counter[str]


def measure(options: BenchmarkOptions) -> list[dict[str, Any]]:
    """Return one row for each kind of fault; `--seeds` walks in all, the kinds in turn.

    A walk that falls is repeated without its fault: `falls_without` counts those that fall then
    too.
    """
    folder = find_model(options.model)
    robot = load_robot(read_manifest(folder).robot)
    model, kinds = load_model(folder, robot).model, kinds_for(robot)
    rows: dict[str, dict[str, Any]] = {}
    for seed in range(options.seeds):
        kind, rng = kinds[seed % len(kinds)], np.random.default_rng(seed)
        fault = FaultyStates(kind, int(rng.integers(FIRST, LAST)), rng)
        faulty = walk(robot, model, options.world, seed, fault)
        row = rows.setdefault(
            kind,
            {'fault': kind, 'walks': 0, 'falls': 0, 'falls_without': 0, 'unnamed': 0}
            | {'largest_step_rad': 0.0, 'named': []},
        )
        row['walks'] += 1
        row['falls'] += faulty.fell
        if faulty.fell:  # otherwise not needed
            row['falls_without'] += walk(robot, model, options.world, seed, None).fell
        row['unnamed'] += not faulty.named
        row['largest_step_rad'] = max(row['largest_step_rad'], round(faulty.largest_step_rad, 3))
        row['named'] = sorted({*row['named'], *faulty.named})
    return list(rows.values())


def walk(
    robot: Robot, model: WorldModel, world: str, seed: int, fault: FaultyStates | None
) -> Outcome:
    """Do a trial of the task, in lockstep, until the time is over or the robot falls."""
    simulation = SimulatedRobot(robot, load_world(world), seed)
    planner = Planner(
        model, search_for(robot, MppiSettings()), torch.Generator().manual_seed(seed)
    )
    controller = Controller(robot, planner)
    supervision = Supervision(robot, SafetySettings(), Mode.WALK)
    task = task_of(robot)
    (speed,) = task.speeds((SPEED_MPS,))
    steady = Steady(task.trial(speed, seed))
    steps = round(SECONDS * robot.control_rate_hz)
    seen = None if fault is None else fault.seen
    largest, last, fell = 0.0, None, False
    ticks = closed_loop(simulation, controller, steady, steps, supervision=supervision, seen=seen)
    for tick in ticks:
        if tick.truth.has_fallen:
            fell = True
            break
        if tick.command is None:
            continue
        if tick.command.position is not None and last is not None:
            largest = max(largest, float(np.abs(tick.command.position - last).max()))
        last = tick.command.position
    counters = supervision.counters
    named = counters.unusable + Counter({'lost states': counters.lost_states})
    return Outcome(fell=fell, largest_step_rad=largest, named=+named)
