"""One walk: planner, supervisor and stand-in in one process, tick by tick as the graph does it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from simdist_ros.core.command import JointCommand
from simdist_ros.core.heading import HeadingHold, yaw
from simdist_ros.core.observation import RobotState
from simdist_ros.core.robot import Robot
from simdist_ros.planning.controller import Controller
from simdist_ros.planning.planner import Planner
from simdist_ros.planning.settings import MppiSettings
from simdist_ros.pretraining.evaluate_walk import decide
from simdist_ros.safety.modes import Mode
from simdist_ros.safety.settings import SafetySettings
from simdist_ros.safety.supervision import Supervision
from simdist_ros.sim.errors import SimulationError
from simdist_ros.sim.simulated_robot import SimulatedRobot, TrueState
from simdist_ros.sim.world import World
from simdist_ros.world_model.model import WorldModel

__all__ = ['Progress', 'Tick', 'Walk', 'judge_walk', 'measure_progress', 'walk']


@dataclass(frozen=True, kw_only=True)
class Walk:
    """What is asked for; in the graph: ``simdist up --mode lockstep`` with these options.

    Attributes:
        world: Where.
        seed: Of the world and of the planner.
        speed: Ahead [m/s].
        seconds: For how long.
        heading_gain: How firmly it is steered straight on, see `HeadingHold` [1/s].
    """

    world: World
    seed: int
    speed: float
    seconds: float
    heading_gain: float = 0.0

    def driver(self, robot: Robot) -> HeadingHold:
        """Return who asks for the velocity."""
        velocity = np.zeros(len(robot.command_low))
        velocity[0] = self.speed
        return HeadingHold(robot, velocity, self.heading_gain)


@dataclass(frozen=True, kw_only=True)
class Tick:
    """A state and what was decided about it.

    Attributes:
        state: As the robot's software sees it.
        velocity: What was asked for, (command_dim,).
        truth: What is really so.
        command: What the joints were told.
        mode: Operating mode.
    """

    state: RobotState
    velocity: NDArray[np.float32]
    truth: TrueState
    command: JointCommand
    mode: str


def walk(robot: Robot, model: WorldModel, mppi: MppiSettings, asked: Walk) -> Iterator[Tick]:
    """Yield one tick after the other until the time is over; physics that diverge end it.

    Whoever has seen enough, a fall for one, stops asking.
    """
    simulation = SimulatedRobot(robot, asked.world, asked.seed)
    planner = Planner(model, mppi, torch.Generator().manual_seed(asked.seed))
    controller = Controller(robot, planner)
    supervision = Supervision(robot, SafetySettings(), Mode.WALK)
    driver = asked.driver(robot)
    steps = round(asked.seconds * robot.control_rate_hz)
    for step in range(steps + 1):
        state = as_published(simulation.state())
        velocity = driver.command(state.orientation).astype(np.float32)
        command = decide(robot, controller, supervision, state, velocity)
        truth = simulation.true_state()
        yield Tick(
            state=state,
            velocity=velocity,
            truth=truth,
            command=command,
            mode=supervision.mode.value,
        )
        if step == steps:
            return
        simulation.apply(command)
        controller.note_executed(command, state.joint_pos)
        try:
            simulation.step()
        except SimulationError:
            return


def as_published(state: RobotState) -> RobotState:
    """Round the height map as its topic does, of 32-bit floats; all else goes as it is."""
    if state.height_map is None:
        return state
    rounded = state.height_map.astype(np.float32).astype(np.float64)
    return dataclasses.replace(state, height_map=rounded)


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a walk got.

    Attributes:
        progress_m: Along the ground in the direction that was asked for, until it fell; what is
            beyond `line_m` does not count, for nobody asked for it.
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


def judge_walk(robot: Robot, model: WorldModel, mppi: MppiSettings, asked: Walk) -> Progress:
    """Walk until the time is over or the robot falls."""
    truths: list[TrueState] = []
    for tick in walk(robot, model, mppi, asked):
        truths.append(tick.truth)
        if tick.truth.has_fallen:
            break
    return measure_progress(robot, asked, truths)


def measure_progress(robot: Robot, asked: Walk, truths: Sequence[TrueState]) -> Progress:
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
