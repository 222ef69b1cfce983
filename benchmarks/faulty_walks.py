"""Walks with one fault each in what the software sees, beside the same walks without it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from benchmarks.options import BenchmarkOptions
from simdist_ros.embodiment.robot import Robot, load_robot
from simdist_ros.evaluation.closed_loop import closed_loop
from simdist_ros.evaluation.faulty_states import FaultyStates, kinds_for
from simdist_ros.jobs.results_log import LineLog
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

    Walks that are done are not walked again.
    """
    torch.set_num_threads(1)
    folder = find_model(options.model)
    robot = load_robot(read_manifest(folder).robot)
    loaded, kinds = load_model(folder, robot), kinds_for(robot)
    log = LineLog(options.out / f'faulty_walks-{loaded.manifest.identity}-{options.world}.jsonl')
    done = {entry['seed']: entry for entry in log.entries}
    for seed in range(options.seeds):
        if seed not in done:
            kind = kinds[seed % len(kinds)]
            done[seed] = compare(robot, loaded.model, options.world, seed, kind)
            log.add(done[seed])
        print(f'{seed + 1} of {options.seeds}: {done[seed]}', flush=True)
    return summarise([done[seed] for seed in range(options.seeds)])


def compare(robot: Robot, model: WorldModel, world: str, seed: int, kind: str) -> dict[str, Any]:
    """Walk with a fault; a walk that falls is repeated without it."""
    rng = np.random.default_rng(seed)
    fault = FaultyStates(kind, int(rng.integers(FIRST, LAST)), rng)
    faulty = walk(robot, model, world, seed, fault)
    return {
        'seed': seed,
        'fault': kind,
        'fell': faulty.fell,
        'fell_without': faulty.fell and walk(robot, model, world, seed, None).fell,
        'largest_step_rad': round(faulty.largest_step_rad, 3),
        'named': sorted(faulty.named),
    }


def summarise(walks: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a row for each kind; `falls_without` counts falls that need no fault."""
    return [
        {
            'fault': kind,
            'walks': len(these),
            'falls': sum(walk['fell'] for walk in these),
            'falls_without': sum(walk['fell_without'] for walk in these),
            'unnamed': sum(not walk['named'] for walk in these),
            'largest_step_rad': max(walk['largest_step_rad'] for walk in these),
            'named': sorted({name for walk in these for name in walk['named']}),
        }
        for kind in dict.fromkeys(walk['fault'] for walk in walks)
        if (these := [walk for walk in walks if walk['fault'] == kind])
    ]


def walk(
    robot: Robot, model: WorldModel, world: str, seed: int, fault: FaultyStates | None
) -> Outcome:
    """Do a trial of the task, in lockstep, until the time is over or the robot falls."""
    simulation = SimulatedRobot(robot, load_world(world), seed)
    planner = Planner(
        model, search_for(robot, MppiSettings()), torch.Generator().manual_seed(seed)
    )
    controller = Controller(robot, planner)
    supervision = Supervision(robot, SafetySettings(), Mode.FOLLOW)
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
