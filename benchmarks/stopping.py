"""How often the robot falls when the planner stops at a random moment of its walk."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from simdist_ros.core.robot import load_robot
from simdist_ros.planning.controller import Controller, PlannedTargets
from simdist_ros.planning.loading import load_planner
from simdist_ros.planning.settings import MppiSettings
from simdist_ros.safety.modes import Mode
from simdist_ros.safety.plans import PlannedSteps
from simdist_ros.safety.settings import SafetySettings
from simdist_ros.safety.supervision import Supervision
from simdist_ros.sim.simulated_robot import SimulatedRobot
from simdist_ros.sim.world import load_world

STOPS, AFTER_S = 40, 3.0
SPEEDS = (0.3, 0.5, 1.0)


def measure(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Return one row for each speed; the policy prior walks, with a delay of one step."""
    robot = load_robot('go2')
    settings = MppiSettings(num_iterations=0, plan_delay_steps=1)
    model = options.model
    planner = load_planner(model, robot, settings, seed=0).planner
    rng = np.random.default_rng(0)
    rows = []
    for speed in SPEEDS:
        falls = 0
        for seed in range(STOPS):
            controller = Controller(robot, planner)
            controller.reset()
            simulation = SimulatedRobot(robot, load_world(options.world), seed)
            falls += stop_one(controller, simulation, speed, int(rng.integers(100, 200)))
        rows.append({'speed_mps': speed, 'stops': STOPS, 'falls': falls})
    return rows


def stop_one(controller: Controller, simulation: SimulatedRobot, speed: float, at: int) -> bool:
    """Walk until a tick, then give no plan any more; tell whether the robot fell."""
    robot = controller.robot
    supervision = Supervision(robot, SafetySettings(), Mode.WALK)
    command = np.array([speed, 0.0, 0.0], dtype=np.float32)
    for tick in range(at + round(AFTER_S / robot.period_s)):
        state = simulation.state()
        supervision.on_state(state)
        decision = supervision.command(state.stamp_ns)
        simulation.apply(decision.command)
        controller.note_executed(decision.command, state.joint_pos)
        if tick < at:
            result = controller.tick(state, command)
            assert isinstance(result, PlannedTargets)
            supervision.on_plan(
                PlannedSteps(
                    stamp_ns=state.stamp_ns,
                    first_effect_ns=state.stamp_ns + robot.period_ns,
                    period_ns=robot.period_ns,
                    positions=result.positions,
                )
            )
        simulation.step()
        if simulation.true_state().has_fallen:
            return True
    return False
