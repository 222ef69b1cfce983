"""Cut a stream of states and commands into episodes without a gap."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.core.rotation import projected_gravity
from simdist_ros.core.ticks import TickCounter
from simdist_ros.embodiment.action_space import action_space_of
from simdist_ros.embodiment.command import JointCommand
from simdist_ros.embodiment.executed_actions import ExecutedActions
from simdist_ros.embodiment.observation import (
    RobotState,
    extero_obs,
    height_of_base,
    proprio_obs,
)
from simdist_ros.embodiment.plausibility import StateCheck
from simdist_ros.embodiment.robot import Robot
from simdist_ros.messages.topic_names import FOLLOWING
from simdist_ros.tasks.choice import task_of
from simdist_ros.transitions.episode import Episode

__all__ = ['EpisodeCutter']

Array = NDArray[np.floating[Any]]
F32 = NDArray[np.float32]

BASE_SLACK_M = 0.3  # that odometry may correct in one tick; beyond, the base was put elsewhere
KEPT_STEPS = 5  # commands older than that answer no state any more


@dataclass(frozen=True)
class Seen:
    """One tick as it was measured."""

    step: int
    proprio_obs: F32
    extero_obs: F32
    command: F32
    position: Array
    has_fallen: bool


class EpisodeCutter:
    """Joins successive states by the command that was executed between them.

    Attributes:
        discarded: Transitions that were not kept, by reason.
        mode: Operating mode of the newest tick; None where it is not known.
    """

    def __init__(self, robot: Robot, *, min_steps: int, max_steps: int) -> None:
        """Keep episodes of `min_steps` to `max_steps` transitions."""
        self.robot = robot
        self.min_steps, self.max_steps = min_steps, max_steps
        self.discarded: Counter[str] = Counter()
        self.mode: str | None = None
        self._check = StateCheck(robot)
        self._task, self._space = task_of(robot), action_space_of(robot)
        self._max_base_step_m = robot.max_base_speed_mps * robot.period_s + BASE_SLACK_M
        self._forget()

    def _forget(self) -> None:
        """Start anew, as after a clock jump."""
        self._check.reset()
        self._ticks = TickCounter(self.robot.period_ns)
        self._executed = ExecutedActions(self._space, KEPT_STEPS)
        self._joint_pos = np.full(self.robot.num_joints, np.nan)  # of the newest state
        self._broken = ''  # why the newest state has no predecessor
        self._states: list[Seen] = []
        self._actions: list[Array] = []

    def note_command(self, command: JointCommand) -> None:
        """Take what the joints were told."""
        step = self._ticks.step_of(command.stamp_ns)
        self._executed.note(step, command, self._joint_pos)

    def add(self, state: RobotState, velocity: Array, position: Array) -> list[Episode]:
        """Take a state.

        Args:
            state: What was measured.
            velocity: vx, vy [m/s], yaw rate [rad/s] asked for now, (command_dim,).
            position: Of the base by odometry, (3,) [m]; NaN where it is not known.

        Returns:
            Episodes that are complete now.
        """
        before, step = self._ticks.step, self._ticks.count(state.stamp_ns)
        if before is not None and step - before >= KEPT_STEPS:
            self._executed.clear()  # a tool moves from where it is, not from an old target
        self._joint_pos = state.joint_pos
        seen = self._see(step, state, velocity, position)
        last = self._states[-1] if self._states else None
        if isinstance(seen, str):
            lost = 1 if last is None else max(1, step - last.step)
            return self._break(seen, lost, None)
        if last is None:
            if self._broken:
                self.discarded[self._broken] += 1
            return self._break('', 0, seen)
        if step == last.step:
            return []  # the same tick again
        reason = self._why_cut(last, seen)
        if reason:
            return self._break(reason, max(1, step - last.step), seen)
        executed = self._executed.get(last.step)
        assert executed is not None
        self._actions.append(executed.action)
        self._states.append(seen)
        if len(self._actions) < self.max_steps:
            return []
        return self._break('', 0, seen)

    def cut(self, reason: str = '') -> list[Episode]:
        """End the episode; a reason says that the clock or the recording began anew."""
        done = self._break(reason, 1, None)
        self._forget()
        return done

    def _see(self, step: int, state: RobotState, velocity: Array, position: Array) -> Seen | str:
        """Return a state as observations, or why it cannot be used."""
        found = self._check.check(state)
        if found:
            return f'impossible {found[0].what}'
        return Seen(
            step=step,
            proprio_obs=proprio_obs(self.robot, state, velocity),
            extero_obs=extero_obs(self.robot, state),
            command=velocity.astype(np.float32),
            position=position,
            has_fallen=self._has_fallen(state, velocity),
        )

    def _has_fallen(self, state: RobotState, command: Array) -> bool:
        """Tell whether the base is tilted too far or too low; a robot without a map knows tilt."""
        height = height_of_base(self.robot, state)
        fallen = self._task.failed(projected_gravity(state.orientation), height)
        return bool(fallen | self._task.lost(state.joint_pos, state.wrench, command))

    def _why_cut(self, last: Seen, seen: Seen) -> str:
        """Say why two states make no transition, or return an empty text."""
        if self.mode not in (None, *FOLLOWING):
            return 'not walking'
        if seen.step < last.step:
            return 'clock jump'
        if seen.step > last.step + 1:
            return 'missing state'
        if last.has_fallen:
            return 'fallen'
        executed = self._executed.get(last.step)
        if executed is None:
            return 'missing command'
        if executed.is_damped:
            return 'damped'
        if not np.isfinite(executed.action).all():
            return 'not finite'
        shifted = np.linalg.norm(seen.position - last.position) > self._max_base_step_m
        return 'reset' if shifted else ''

    def _break(self, reason: str, lost: int, seen: Seen | None) -> list[Episode]:
        """End the episode, count what was lost between it and what follows, and begin anew."""
        if reason:
            self.discarded[reason] += lost
        done = self._episode()
        self._states, self._actions = ([] if seen is None else [seen]), []
        self._broken = reason if seen is None else ''
        return done

    def _episode(self) -> list[Episode]:
        """Return the states and actions so far as an episode, if they are enough."""
        steps = len(self._actions)
        if steps == 0:
            return []
        has_fallen = self._states[-1].has_fallen
        if steps < self.min_steps and not (has_fallen and steps > 1):
            self.discarded['episode too short'] += steps
            return []
        return [
            Episode(
                proprio_obs=np.stack([seen.proprio_obs for seen in self._states]),
                extero_obs=np.stack([seen.extero_obs for seen in self._states]),
                commands=np.stack([seen.command for seen in self._states]),
                actions=np.stack(self._actions).astype(np.float32),
                terminated=has_fallen,
            )
        ]
