"""The closed loop: walker, supervisor and stand-in in one process, tick by tick as the graph."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from simdist_ros.embodiment.command import JointCommand
from simdist_ros.embodiment.history import History
from simdist_ros.embodiment.observation import RobotState
from simdist_ros.embodiment.robot import Robot
from simdist_ros.safety.modes import Mode
from simdist_ros.safety.plans import PlannedSteps
from simdist_ros.safety.settings import SafetySettings
from simdist_ros.safety.supervision import Supervision
from simdist_ros.sim.errors import SimulationError
from simdist_ros.sim.simulated_robot import SimulatedRobot, TrueState
from simdist_ros.tasks.task import Driver

__all__ = ['Tick', 'Walker', 'as_published', 'closed_loop', 'decide']

F32 = NDArray[np.float32]


class Walker(Protocol):
    """What walks: a planner's controller, or anything that answers a state with joint targets."""

    history: History

    def tick(self, state: RobotState, command: F32) -> Any:
        """Return a plan, with joint targets in `positions`; without them there is none."""

    def note_executed(self, command: JointCommand, joint_pos: F32) -> None:
        """Remember what was really sent."""


@dataclass(frozen=True, kw_only=True)
class Tick:
    """A state and what was decided about it.

    Attributes:
        step: Control steps since the start.
        state: As the robot's software sees it; None where it sees none.
        velocity: What was asked for, (command_dim,).
        truth: What is really so.
        plan: What the walker answered; None without a state.
        command: What the joints are told; None without a state, they keep the last target.
        mode: Operating mode.
    """

    step: int
    state: RobotState | None
    velocity: F32
    truth: TrueState
    plan: Any
    command: JointCommand | None
    mode: str


def closed_loop(
    simulation: SimulatedRobot,
    walker: Walker,
    driver: Driver,
    steps: int,
    *,
    supervision: Supervision | None = None,
    seen: Callable[[int, RobotState], RobotState | None] | None = None,
) -> Iterator[Tick]:
    """Yield steps + 1 ticks, each before its command is executed; diverging physics end it.

    Whoever has seen enough, a fall for one, stops asking.

    Args:
        simulation: Where it begins.
        walker: Answers each state.
        driver: Gives the command to each state.
        steps: Control steps to simulate.
        supervision: Between plan and joints; None makes one in mode follow.
        seen: Changes what the software sees of the state at a step, or hides it.
    """
    robot = simulation.robot
    supervision = supervision or Supervision(robot, SafetySettings(), Mode.FOLLOW)
    for step in range(steps + 1):
        truth, state = simulation.true_state(), as_published(simulation)
        velocity = driver.command(state.orientation).astype(np.float32)
        given = state if seen is None else seen(step, state)
        plan = command = None
        if given is not None:
            plan, command = decide(robot, walker, supervision, given, velocity)
        yield Tick(
            step=step,
            state=given,
            velocity=velocity,
            truth=truth,
            plan=plan,
            command=command,
            mode=supervision.mode.value,
        )
        if step == steps:
            return
        if given is not None and command is not None:
            simulation.apply(command)
            walker.note_executed(command, given.joint_pos.astype(np.float32))
        try:
            simulation.step()
        except SimulationError:
            return


def decide(
    robot: Robot, walker: Walker, supervision: Supervision, state: RobotState, velocity: F32
) -> tuple[Any, JointCommand]:
    """Return the walker's plan and what the joints are told in answer to a state."""
    plan = walker.tick(state, velocity)
    positions = getattr(plan, 'positions', None)
    supervision.on_state(state)
    if positions is not None:
        delay_steps = getattr(plan, 'delay_steps', 0)
        supervision.on_plan(
            PlannedSteps(
                stamp_ns=state.stamp_ns,
                first_effect_ns=state.stamp_ns + delay_steps * robot.period_ns,
                period_ns=robot.period_ns,
                positions=positions,
            )
        )
    return plan, supervision.command(state.stamp_ns).command


def as_published(simulation: SimulatedRobot) -> RobotState:
    """Return the state, the surroundings rounded as their topics do, of 32-bit floats."""
    state = simulation.state()
    names = (modality.name for modality in simulation.robot.modalities)
    rounded = {name: getattr(state, name).astype(np.float32).astype(np.float64) for name in names}
    return dataclasses.replace(state, **rounded)
