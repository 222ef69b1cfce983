"""A planner's walk in closed loop, and the episodes that a bag of it would give."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from simdist_ros.embodiment.robot import Robot
from simdist_ros.evaluation.closed_loop import Tick, closed_loop
from simdist_ros.planning.controller import Controller
from simdist_ros.planning.planner import Planner
from simdist_ros.planning.settings import MppiSettings, search_for
from simdist_ros.sim.scenes.world import World
from simdist_ros.sim.simulated_robot import SimulatedRobot
from simdist_ros.tasks.choice import task_of
from simdist_ros.tasks.task import Driver
from simdist_ros.transitions.assembly import AssemblySettings, make_cutter
from simdist_ros.transitions.episode import Episode
from simdist_ros.world_model.model import WorldModel

__all__ = ['PlannedWalk', 'episodes_of_walk', 'walk']

FALL_S = 0.2  # that a walk goes on after a fall, so that the sensors see it too


@dataclass(frozen=True, kw_only=True)
class PlannedWalk:
    """What is asked for; in the graph: ``simdist up --mode lockstep`` with these options.

    Attributes:
        world: Where.
        seed: Of the world and of the planner.
        command: What for, (command_dim,).
        seconds: For how long.
        heading_gain: How firmly its heading is held, see `Task.driver` [1/s].
    """

    world: World
    seed: int
    command: tuple[float, ...]
    seconds: float
    heading_gain: float = 0.0

    def driver(self, robot: Robot) -> Driver:
        """Return what asks for it."""
        return task_of(robot).driver(np.array(self.command), self.heading_gain)

    def steps(self, robot: Robot) -> int:
        """Return how many control steps it lasts."""
        return round(self.seconds * robot.control_rate_hz)


def walk(
    robot: Robot, model: WorldModel, mppi: MppiSettings, asked: PlannedWalk
) -> Iterator[Tick]:
    """Yield one tick after the other of a planner's walk, see `closed_loop`."""
    simulation = SimulatedRobot(robot, asked.world, asked.seed)
    planner = Planner(model, search_for(robot, mppi), torch.Generator().manual_seed(asked.seed))
    walker, driver = Controller(robot, planner), asked.driver(robot)
    return closed_loop(simulation, walker, driver, asked.steps(robot))


def episodes_of_walk(
    robot: Robot, settings: AssemblySettings, ticks: Iterable[Tick]
) -> list[Episode]:
    """Cut a walk as a bag of it is cut; it ends soon after a fall."""
    cutter = make_cutter(robot, settings)
    left = round(FALL_S * robot.control_rate_hz)
    episodes: list[Episode] = []
    for tick in ticks:
        assert tick.state is not None
        assert tick.command is not None
        episodes += cutter.add(tick.state, tick.velocity, tick.truth.position)
        cutter.note_command(tick.command)
        cutter.mode = tick.mode
        left -= tick.truth.has_fallen
        if left < 0:
            break
    return episodes + cutter.cut()
