"""One walk: planner, supervisor and stand-in in one process, tick by tick as the graph does it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from simdist_ros.core.command import JointCommand
from simdist_ros.core.heading import YAW_RATE, HeadingHold
from simdist_ros.core.observation import RobotState
from simdist_ros.core.robot import Robot
from simdist_ros.planning.controller import Controller
from simdist_ros.planning.planner import Planner
from simdist_ros.planning.settings import MppiSettings
from simdist_ros.safety.modes import Mode
from simdist_ros.safety.plans import PlannedSteps
from simdist_ros.safety.settings import SafetySettings
from simdist_ros.safety.supervision import Supervision
from simdist_ros.sim.errors import SimulationError
from simdist_ros.sim.simulated_robot import SimulatedRobot, TrueState
from simdist_ros.sim.world import World
from simdist_ros.transitions.assembly import AssemblySettings, make_cutter
from simdist_ros.transitions.episode import Episode
from simdist_ros.world_model.model import WorldModel

__all__ = ['Tick', 'Walk', 'Walker', 'as_published', 'decide', 'episodes_of_walk', 'walk']

FALL_S = 0.2  # that a walk goes on after a fall, so that the sensors see it too


class Walker(Protocol):
    """What decides: a `Controller`, or an expert in its place."""

    def tick(self, state: RobotState, command: NDArray[np.float32]) -> Any:
        """Return a plan, with joint targets in `positions`; without them there is none."""


@dataclass(frozen=True, kw_only=True)
class Walk:
    """What is asked for; in the graph: ``simdist up --mode lockstep`` with these options.

    Attributes:
        world: Where.
        seed: Of the world and of the planner.
        speed: Ahead [m/s].
        seconds: For how long.
        heading_gain: How firmly it is steered straight on, see `HeadingHold` [1/s].
        yaw_rate: Asked for, where no heading is held [rad/s].
    """

    world: World
    seed: int
    speed: float
    seconds: float
    heading_gain: float = 0.0
    yaw_rate: float = 0.0

    def driver(self, robot: Robot) -> HeadingHold:
        """Return who asks for the velocity."""
        velocity = np.zeros(len(robot.command_low))
        velocity[0] = self.speed
        if self.yaw_rate:
            velocity[YAW_RATE] = self.yaw_rate
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


def decide(
    robot: Robot,
    walker: Walker,
    supervision: Supervision,
    state: RobotState,
    command: NDArray[np.float32],
) -> JointCommand:
    """Return what the joints are told in answer to a state."""
    positions = getattr(walker.tick(state, command), 'positions', None)
    supervision.on_state(state)
    if positions is not None:
        supervision.on_plan(
            PlannedSteps(
                stamp_ns=state.stamp_ns,
                first_effect_ns=state.stamp_ns,
                period_ns=robot.period_ns,
                positions=positions,
            )
        )
    return supervision.command(state.stamp_ns).command


def as_published(state: RobotState) -> RobotState:
    """Round the height map as its topic does, of 32-bit floats; all else goes as it is."""
    if state.height_map is None:
        return state
    rounded = state.height_map.astype(np.float32).astype(np.float64)
    return dataclasses.replace(state, height_map=rounded)


def episodes_of_walk(
    robot: Robot, settings: AssemblySettings, ticks: Iterable[Tick]
) -> list[Episode]:
    """Cut a walk as a bag of it is cut; it ends soon after a fall."""
    cutter = make_cutter(robot, settings)
    left = round(FALL_S * robot.control_rate_hz)
    episodes: list[Episode] = []
    for tick in ticks:
        episodes += cutter.add(tick.state, tick.velocity, tick.truth.position)
        cutter.note_command(tick.command)
        cutter.mode = tick.mode
        left -= tick.truth.has_fallen
        if left < 0:
            break
    return episodes + cutter.cut()
