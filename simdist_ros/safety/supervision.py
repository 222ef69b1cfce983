"""From the operator's wish, the robot's state and the plan to one safe joint command."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.core.errors import ConfigError
from simdist_ros.core.rotation import projected_gravity, tilt
from simdist_ros.embodiment.command import JointCommand
from simdist_ros.embodiment.observation import RobotState
from simdist_ros.embodiment.plausibility import Implausible, StateCheck
from simdist_ros.embodiment.robot import Robot
from simdist_ros.embodiment.sensors import BODY
from simdist_ros.embodiment.stamp_check import Order, StampCheck
from simdist_ros.safety.decision import Counters, Decision
from simdist_ros.safety.limits import JointLimits
from simdist_ros.safety.modes import Mode, request
from simdist_ros.safety.plans import DueStep, PlanBuffer, PlannedSteps
from simdist_ros.safety.readiness import tilted, unmet_needs
from simdist_ros.safety.safe_actions import STOPS, Action, Fault, Readings, assess
from simdist_ros.safety.settings import SafetySettings
from simdist_ros.safety.stand import StandRamp
from simdist_ros.safety.tool_guard import ToolGuard

__all__ = ['Supervision']

Array = NDArray[np.floating[Any]]

JITTER = 0.2  # of the control period; stamps this much apart are one tick
MAX_LEAD = 5  # periods by which a plan may be ahead of the states; beyond, it is of another clock


@dataclass(frozen=True)
class Sent:
    """Joint targets, (num_joints,) [rad], and the stamp of the state they answered [ns]."""

    stamp_ns: int
    position: Array

    def shifted(self, by_ns: int) -> Sent:
        """Return the same on a clock that is ahead of the first by `by_ns`."""
        return replace(self, stamp_ns=self.stamp_ns + by_ns)


class Supervision:
    """Decides what the joints do; knows no time but the stamps it is given.

    The newest usable state stands in for one that is not usable, whose stamp still counts. A
    stamp that is doubted does not count: the last step of the plan is held for its tick.
    """

    def __init__(
        self,
        robot: Robot,
        settings: SafetySettings,
        mode: Mode = Mode.OFF,
        sensors: Collection[str] = BODY,
    ) -> None:
        """Start in a mode, without a state or a plan; states are to tell what `sensors` measure.

        Raises:
            ConfigError: The settings leave a joint of the robot no range.
        """
        self.counters = Counters()
        self._robot = robot
        self._settings = settings
        self._limits = JointLimits(robot, settings)
        self._stand_pose = robot.per_joint('stand')
        self._stop_pose = self._stand_pose + robot.per_joint('stop_offset')
        self._plans = PlanBuffer(JITTER * robot.period_s)
        self._mode = mode
        self._fault = Fault.NONE
        self._fall = ''  # what ended the last work, if a fall or a protective stop did
        self._guard = ToolGuard(robot)
        self._stop, self.stopped_by = Fault.NONE, ''  # what an arm stops at, and the value
        self._order = StampCheck(robot.period_ns)
        self._check = StateCheck(robot, sensors)
        self._plan_is_foreign = self._robot_is_foreign = False
        self.restart()

    @property
    def mode(self) -> Mode:
        """What the operator wants."""
        return self._mode

    @property
    def has_plan_on_time(self) -> bool:
        """Whether a plan begins at the newest state, so that waiting for one is over."""
        due = self._plans.due(self._tick_ns)
        return self._tick_ns >= 0 and due.target is not None and not due.is_late

    def restart(self) -> None:
        """Forget states, plans and targets, as when the clock starts anew; the mode stays."""
        self._order.reset()
        self._was_damped = False
        self._forget()

    def _forget(self) -> None:
        """Forget all but the order of the stamps."""
        self._plans.clear()
        self._check.reset()
        self._state: RobotState | None = None  # newest usable one
        self._tick_ns = -1  # stamp of the newest state, usable or not
        self._newest_ns = -1  # the same, believed or not
        self._received_ns = -1  # when that came, on the clock of the believed ones
        self._answered_ns = -1
        self._findings: tuple[Implausible, ...] = ()  # about the newest state
        self._plan_was_refused = False
        self._settled_ns = -1  # stamp from which the plans count as steady again
        self._ramp: StandRamp | None = None
        self._sent: Sent | None = None
        self._sent_before: Sent | None = None  # in answer to the state before the newest
        self._now_ns = -1

    def on_state(self, state: RobotState) -> None:
        """Take the newest state; one whose stamp does not go on is doubted, see `StampCheck`."""
        order = self._order.take(state.stamp_ns)
        if order is Order.STEPPED:
            self.counters.clock_steps += 1
            if self._order.began_anew:
                self._forget()
            elif self._order.was_set_back:
                self._set_back(self._order.jump_ns)
            elif self._order.was_left_out:
                self._sent = self._sent_before = self._ramp = None
        elif order is Order.GOES_ON and self._tick_ns >= 0:
            elapsed = (state.stamp_ns - self._tick_ns) / self._robot.period_ns
            self.counters.lost_states += max(0, round(elapsed) - 1)
        self._newest_ns = state.stamp_ns
        doubt = self._order.finding
        if doubt is None:
            self._tick_ns = self._received_ns = self._now_ns = state.stamp_ns
            self._findings = self._check.check(state)
            if not self._findings:
                self._state = state
        else:
            self._received_ns = max(self._now_ns, self._tick_ns + self._order.lag_ns)
            self._now_ns = self._received_ns
            self._findings = (doubt,)
        self.counters.unusable.update(finding.what for finding in self._findings)

    def _set_back(self, jump_ns: int) -> None:
        """Follow a clock that was set back: what is held keeps its age, if any of it is in use."""
        if self._sent is None or self._state is None:  # the joints are damped
            self._forget()
            return
        self._plans.shift(jump_ns)
        self._check.reset()
        self._state = replace(self._state, stamp_ns=self._state.stamp_ns + jump_ns)
        self._sent = self._sent.shifted(jump_ns)
        if self._sent_before is not None:
            self._sent_before = self._sent_before.shifted(jump_ns)
        if self._ramp is not None:
            self._ramp = replace(self._ramp, start_ns=self._ramp.start_ns + jump_ns)
        self._settled_ns += jump_ns
        self._answered_ns += jump_ns

    def on_plan(self, plan: PlannedSteps) -> bool:
        """Take a plan; tell whether it will be followed.

        One that is not finite is refused, one older than the newest held or far ahead of the
        states is ignored; the one before goes on.

        Raises:
            ConfigError: It is for another number of joints.
        """
        if plan.positions.shape[1] != self._robot.num_joints:
            raise ConfigError(
                f'plan is for {plan.positions.shape[1]} joints; robot {self._robot.name!r} has '
                f'{self._robot.num_joints}'
            )
        self._plan_was_refused = not plan.is_finite()
        if self._plan_was_refused:
            self.counters.plans['not finite'] += 1
            return False
        lead_ns = MAX_LEAD * self._robot.period_ns
        is_ours = self._tick_ns < 0 or plan.stamp_ns <= self._tick_ns + lead_ns
        is_taken = is_ours and self._plans.put(replace(plan, positions=plan.positions.copy()))
        self.counters.plans['taken' if is_taken else 'ignored'] += 1
        return is_taken

    def on_other_publishers(self, *, of_plan: bool, of_robot: bool) -> None:
        """Take whether another node publishes plans, or states or joint commands."""
        self._plan_is_foreign, self._robot_is_foreign = of_plan, of_robot

    def request(self, wanted: Mode) -> Mode:
        """Go to the mode that the operator asks for.

        Raises:
            ModeRefused: It is not allowed now; the mode stays.
        """
        readings = self._read(self._now_ns, self._plans.due(self._tick_ns))
        unmet = unmet_needs(self._robot, self._settings, readings, self._state)
        self._mode = request(self._mode, wanted, unmet, self._fall)
        if self._mode is not Mode.RECOVER:
            self._fall = ''
        return self._mode

    def command(self, now_ns: int) -> Decision:
        """Answer the newest state; asked again about the same one, answer anew.

        Args:
            now_ns: Time on the clock that stamped the newest state [ns].
        """
        is_new = self._tick_ns > self._answered_ns
        if is_new:
            self._answered_ns, self._sent_before = self._tick_ns, self._sent
        self._now_ns = now_ns - self._newest_ns + self._received_ns
        due = self._plans.due(self._tick_ns)
        fault, action = self._assess(due)
        position, limited = self._act(action, due)
        is_following = self._mode is Mode.FOLLOW and due.age_s < math.inf
        stamp_ns = now_ns if self._tick_ns < 0 else self._newest_ns
        decision = Decision(
            command=JointCommand(stamp_ns=stamp_ns, position=position),
            mode=self._mode,
            action=action,
            fault=fault,
            is_following=is_following,
            late=is_following and due.is_late,
            limited=limited,
            findings=self._findings,
        )
        if is_new:
            self.counters.add(decision)
        return decision

    def _assess(self, due: DueStep) -> tuple[Fault, Action]:
        """Find the worst fault, count it where it begins, and let a fall end the mode."""
        readings = self._read(self._now_ns, due)
        robot = self._robot
        fault, action = assess(
            self._mode, readings, self._settings, robot.max_tilt_rad, holds=robot.holds
        )
        if fault is not self._fault and fault is not Fault.NONE:
            self.counters.faults[fault] += 1
        self._fault = fault
        if fault is Fault.STALE_PLAN:
            self._settled_ns = self._tick_ns + round(1e9 * self._settings.settle_s)
        if self._mode in (Mode.STAND, Mode.FOLLOW):
            if fault is Fault.TILT:
                self._end_work(f'it fell, {tilted(robot, readings.tilt_rad)}')
            elif fault in STOPS:
                self._end_work(f'it stopped: {self.stopped_by}')
                self._sent = None  # held where it is, not where it pressed to
        self._was_damped = self._mode is Mode.FOLLOW and (
            action is Action.DAMP or (self._was_damped and not readings.is_standing)
        )
        return fault, action

    def _read(self, now_ns: int, due: DueStep) -> Readings:
        """Put together what the watchdog looks at."""
        state = self._state
        follows = self._mode is Mode.FOLLOW
        self._stop, self.stopped_by = self._guard.find(state, follows_plan=follows)
        distance = math.inf if state is None else np.abs(state.joint_pos - self._stand_pose).max()
        return Readings(
            state_is_usable=not self._findings,
            state_age_s=math.inf if state is None else 1e-9 * (now_ns - state.stamp_ns),
            tilt_rad=self._tilt(),
            is_standing=bool(distance <= self._settings.stand_tolerance_rad),
            was_damped=self._was_damped,
            plan_age_s=due.age_s,
            plan_is_over=due.target is None,
            plan_is_settling=self._tick_ns < self._settled_ns,
            plan_was_refused=self._plan_was_refused,
            plan_is_foreign=self._plan_is_foreign,
            robot_is_foreign=self._robot_is_foreign,
            stop=self._stop,
        )

    def _end_work(self, why: str) -> None:
        """Go to where only the operator leads out of."""
        self._mode, self._fall = Mode.RECOVER, why

    def _tilt(self) -> float:
        """Return the tilt of the base [rad]; 0 where it is not known or is fixed."""
        if self._state is None or not self._robot.has_free_base:
            return 0.0
        return float(tilt(projected_gravity(self._state.orientation)))

    def _act(self, action: Action, due: DueStep) -> tuple[Array | None, tuple[str, ...]]:
        """Return joint targets, (num_joints,) [rad], or None for damping, and the limits met."""
        if action is Action.DAMP or self._state is None:
            self._ramp = self._sent = self._sent_before = None
            return None, ()
        if action is Action.HOLD:
            self._ramp = None
            return self._hold(self._state), ()
        if action is Action.STAND or due.target is None:
            target = self._stand_target(self._state)
        else:
            target, self._ramp = due.target, None
        return self._limit(target, self._state)

    def _hold(self, state: RobotState) -> Array:
        """Return the last target sent, (num_joints,) [rad]; at first, where the joints are."""
        if self._sent is None:
            low, high = (self._robot.per_joint(end) for end in ('low', 'high'))
            self._sent = Sent(self._tick_ns, np.clip(state.joint_pos, low, high))
        return self._sent.position

    def _stand_target(self, state: RobotState) -> Array:
        """Return the target on the way to standing, (num_joints,) [rad].

        The way begins at the last target, or after damping where the joints are, and ends in the
        stand pose. Work that ends, wanted or not, ends at once and in the stop pose; for a
        robot that holds there is no such hurry.
        """
        if self._ramp is None:
            before, settings = self._sent_before, self._settings
            stops = before is not None and not self._robot.holds
            self._ramp = StandRamp(
                start_ns=self._tick_ns,
                duration_s=settings.fallback_ramp_s if stops else settings.stand_ramp_s,
                start=state.joint_pos if before is None else before.position,
                end=self._stop_pose if stops else self._stand_pose,
            )
        return self._ramp.target(self._tick_ns)

    def _limit(self, target: Array, state: RobotState) -> tuple[Array, tuple[str, ...]]:
        """Apply the joint limits, (num_joints,) [rad]; tell which acted."""
        before, period_s = self._sent_before, self._robot.period_s
        if before is not None:
            period_s = min(period_s, 1e-9 * (self._tick_ns - before.stamp_ns))
        limited = self._limits.limit(
            target,
            state.joint_pos if before is None else before.position,
            state.joint_pos,
            state.joint_vel,
            period_s,
        )
        self._sent = Sent(self._tick_ns, limited.position)
        return limited.position, limited.limited
