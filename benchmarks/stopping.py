"""How often the robot falls when the planner stops at a random moment of its walk."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.options import BenchmarkOptions
from simdist_ros.embodiment.command import JointCommand
from simdist_ros.embodiment.observation import RobotState
from simdist_ros.embodiment.robot import load_robot
from simdist_ros.evaluation.closed_loop import closed_loop
from simdist_ros.planning.controller import Controller
from simdist_ros.planning.loading import load_planner
from simdist_ros.planning.settings import MppiSettings
from simdist_ros.sim.scenes.world import load_world
from simdist_ros.sim.simulated_robot import SimulatedRobot
from simdist_ros.tasks.task import Steady

STOPS, AFTER_S = 40, 3.0
SPEEDS = (0.3, 0.5, 1.0)


def measure(options: BenchmarkOptions) -> list[dict[str, Any]]:
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


class StoppingWalker:
    """Walks until a tick, then gives no plan any more."""

    def __init__(self, controller: Controller, at: int) -> None:
        """Take who walks, and the tick."""
        self.controller, self.left = controller, at
        self.history = controller.history

    def tick(self, state: RobotState, command: NDArray[np.float32]) -> Any:
        """Return a plan while there are any."""
        self.left -= 1
        return self.controller.tick(state, command) if self.left >= 0 else None

    def note_executed(self, command: JointCommand, joint_pos: NDArray[np.float32]) -> None:
        """Tell the controller."""
        self.controller.note_executed(command, joint_pos)


def stop_one(controller: Controller, simulation: SimulatedRobot, speed: float, at: int) -> bool:
    """Walk until a tick, then give no plan any more; tell whether the robot fell."""
    steps = at + round(AFTER_S * controller.robot.control_rate_hz)
    steady = Steady(np.array([speed, 0.0, 0.0]))
    ticks = closed_loop(simulation, StoppingWalker(controller, at), steady, steps)
    return any(tick.truth.has_fallen for tick in ticks)
