"""From robot states and executed commands to planned joint targets, one call a tick."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.core.ticks import TickCounter
from simdist_ros.embodiment.action_space import ActionSpace, action_space_of
from simdist_ros.embodiment.command import JointCommand
from simdist_ros.embodiment.executed_actions import ExecutedActions
from simdist_ros.embodiment.history import History
from simdist_ros.embodiment.observation import RobotState, extero_obs, proprio_obs
from simdist_ros.embodiment.observation_terms import proprio_obs_dim
from simdist_ros.embodiment.plausibility import Implausible, StateCheck
from simdist_ros.embodiment.robot import Robot
from simdist_ros.embodiment.stamp_check import Order, StampCheck
from simdist_ros.planning.plan import NoPlan, Observation, Plan, Reason
from simdist_ros.planning.planner import Planner

__all__ = ['Controller', 'PlannedTargets']

Array = NDArray[np.floating[Any]]
F32 = NDArray[np.float32]

NO_ANGLE_RAD = 1e6  # beyond what any joint can be told
MAX_GAP_STEPS = 5  # missed ticks that the history bridges before it starts anew


@dataclass(frozen=True, kw_only=True)
class PlannedTargets:
    """Joint targets of the coming steps.

    Attributes:
        stamp_ns: Stamp of the observation they answer [ns].
        delay_steps: Steps from that stamp to the first target.
        positions: Joint targets, (steps, num_joints) [rad].
        plan: The plan they come from.
    """

    stamp_ns: int
    delay_steps: int
    positions: Array
    plan: Plan


class Controller:
    """Keeps what a planner needs to know between ticks: history and what was executed."""

    def __init__(self, robot: Robot, planner: Planner) -> None:
        """Start with an empty history."""
        history_steps = planner.model.architecture.history_steps
        self.robot = robot
        self.planner = planner
        self.actions: ActionSpace = action_space_of(robot)
        self.history = History(history_steps, proprio_obs_dim(robot), self.actions.dim)
        self.ticks = TickCounter(robot.period_ns)
        self.order = StampCheck(robot.period_ns)
        self.check = StateCheck(robot)
        self.findings: tuple[Implausible, ...] = ()  # why the newest state is not used
        self.executed = ExecutedActions(self.actions, MAX_GAP_STEPS)
        self.step: int | None = None  # of the newest observation in the history
        self.planned_step = 0  # of the observation that `planned` answers
        self.planned: PlannedTargets | None = None
        self.observation: Observation | None = None  # that the planner was last shown

    def reset(self) -> None:
        """Forget everything that happened."""
        self.history.reset()
        self.ticks.reset()
        self.order.reset()
        self.check.reset()
        self.findings = ()
        self.executed.clear()
        self.step = None
        self.planned = self.observation = None
        self.planner.reset()

    def note_executed(self, command: JointCommand, joint_pos: F32) -> None:
        """Remember what the robot was really told from its stamp on.

        Of several commands in one tick the first counts. Damping only counts as asking for the
        position it has, (num_joints,) [rad]; what is not finite is forgotten, or it would stay in
        the history for H ticks, and so is an answer to a state far from the newest, whose stamp is
        doubted.
        """
        position = joint_pos if command.position is None else command.position
        if not (np.abs(position) < NO_ANGLE_RAD).all():  # NaN is not
            return
        step = self.ticks.step_of(command.stamp_ns)
        if self.ticks.step is not None and abs(step - self.ticks.step) > MAX_GAP_STEPS:
            return
        self.executed.note(step, command, joint_pos)

    def tick(self, state: RobotState, command: F32) -> PlannedTargets | NoPlan:
        """Plan from a new state.

        A state that cannot be true, or whose stamp is doubted, never enters the history; the
        ticks it leaves out, and those that were lost, are bridged with the last good observation.

        Args:
            state: The newest measurement.
            command: Wanted velocity, (command_dim,).

        Raises:
            ConfigError: The height map does not fit the robot.
        """
        self.findings = self.examine(state)
        if self.findings:
            return NoPlan(reason=Reason.STATE_UNUSABLE)
        extero = extero_obs(self.robot, state)
        observation = proprio_obs(self.robot, state, command)
        step = self.ticks.count(state.stamp_ns)
        self.remember(step, observation)
        delay = self.planner.settings.plan_delay_steps
        self.observation = Observation(
            step=step,
            proprio_obs_hist=self.history.proprio_obs,
            acts_hist=self.history.actions,
            extero_obs=extero,
            command=command,
            committed=self.committed(step, delay),
        )
        result = self.planner.plan(self.observation)
        if isinstance(result, NoPlan):
            if result.reason is Reason.PRIOR_NOT_FINITE:
                self.history.reset()  # one absurd measurement must not cost H ticks
            return result
        self.planned_step = step
        self.planned = PlannedTargets(
            stamp_ns=state.stamp_ns,
            delay_steps=delay,
            positions=self.actions.sequence(
                result.actions, self.told_at(step + delay - 1, state.joint_pos)
            ),
            plan=result,
        )
        return self.planned

    def examine(self, state: RobotState) -> tuple[Implausible, ...]:
        """Return why a state cannot be used; follow a clock that was set."""
        order = self.order.take(state.stamp_ns)
        if self.order.finding is not None:
            return (self.order.finding,)
        if order is Order.STEPPED:
            self.check.reset()
            if self.order.was_set_back:
                self.ticks.shift(self.order.jump_ns)
            elif self.order.was_left_out:
                self.executed.clear()
        return self.check.check(state)

    def remember(self, step: int, observation: F32) -> None:
        """Append an observation, bridging a short gap; a long one or a clock jump starts anew."""
        gap = 1 if self.step is None else step - self.step
        if self.history.is_empty or not 0 <= gap <= MAX_GAP_STEPS:
            if gap < 0:  # what was executed then has steps that are still to come
                self.executed.clear()
                self.planned = None
            self.planner.reset()
            self.history.start(observation)
        elif gap == 0:
            self.history.proprio_obs[-1] = observation
        else:
            for missed in range(step - gap, step - 1):
                self.history.append(self.action_at(missed), self.history.proprio_obs[-1].copy())
            self.history.append(self.action_at(step - 1), observation)
        self.step = step

    def action_at(self, step: int) -> F32:
        """Return the action of a step: as executed, else as planned, else the last known."""
        executed, planned = self.executed.get(step), self.planned_at(step)
        if executed is not None:
            return executed.action.astype(np.float32)
        if planned is not None:
            planned_action: F32 = planned[0]
            return planned_action
        last: F32 = self.actions.repeated(self.history.actions[-1].copy())
        return last

    def told_at(self, step: int, joint_pos: Array) -> Array:
        """Return the joint targets of a step, as `action_at`; positions where none are known."""
        executed, planned = self.executed.get(step), self.planned_at(step)
        if executed is not None or planned is None:
            return self.executed.told_before(step + 1, joint_pos)
        return planned[1]

    def planned_at(self, step: int) -> tuple[F32, Array] | None:
        """Return action and joint targets that the last plan has for a step; None without one."""
        if self.planned is None:
            return None
        index = step - self.planned_step - self.planned.delay_steps
        if not 0 <= index < len(self.planned.positions):
            return None
        return self.planned.plan.actions[index], self.planned.positions[index]

    def committed(self, step: int, delay_steps: int) -> F32:
        """Return the actions that will be executed before a new plan can begin, (d, A)."""
        actions = [self.action_at(step + ahead) for ahead in range(delay_steps)]
        return np.array(actions, dtype=np.float32).reshape(delay_steps, self.actions.dim)
