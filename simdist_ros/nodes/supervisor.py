"""Node between plan and robot: operating modes, limits, watchdogs, safe actions."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from functools import partial

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.executors import Executor
from rclpy.node import Node
from std_msgs.msg import String
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

from simdist_ros.core.errors import SimdistError
from simdist_ros.core.idle_collection import IdleCollection
from simdist_ros.core.scheduling import SAFETY, SchedulingSettings
from simdist_ros.core.settings import Settings, setting
from simdist_ros.embodiment.observation import RobotState
from simdist_ros.embodiment.plausibility import describe
from simdist_ros.embodiment.robot import load_robot
from simdist_ros.embodiment.sensors import MOTION
from simdist_ros.messages import topics
from simdist_ros.messages.to_messages import (
    diagnostics,
    duration_ns,
    joint_command_to_msg,
    planned_positions,
    stamp_ns,
    time_msg,
)
from simdist_ros.nodes.inputs import Inputs
from simdist_ros.nodes.other_publishers import (
    STATE_TOPICS,
    OtherPublishers,
    refuse_other_publishers,
)
from simdist_ros.nodes.parameters import declare, refuse_unknown
from simdist_ros.nodes.qos import COMMAND, LATCHED, RELIABLE, state_wanted
from simdist_ros.nodes.runtime import Stop, run, spin
from simdist_ros.nodes.state_subscriber import StateSubscriber
from simdist_ros.nodes.throttle import ThrottledLog
from simdist_ros.safety.decision import Decision
from simdist_ros.safety.modes import OLDER_NAME, Mode
from simdist_ros.safety.plans import PlannedSteps
from simdist_ros.safety.safe_actions import STOPS, Action, Fault
from simdist_ros.safety.settings import SafetySettings
from simdist_ros.safety.supervision import Supervision

WATCHDOG_S = 0.02
OTHERS_S = 0.5  # between two looks for other publishers, 0.2 ms each


@dataclass(frozen=True, kw_only=True)
class SupervisorSettings(Settings):
    """Settings of the node; limits and time-outs are under ``safety.``."""

    robot: str = setting('go2', 'Name or file of the robot.')
    task: str = setting('', 'What it is to do; empty is the first task that the robot names.')
    mode: str = setting(
        'realtime',
        'realtime answers a state with the plan that is there; lockstep waits for its plan.',
        choices=('realtime', 'lockstep'),
    )
    initial_mode: str = setting(
        'off',
        'Operating mode at the start; `walk` is the name of `follow` in older launch files.',
        choices=('off', 'stand', 'follow', OLDER_NAME),
    )
    lockstep_patience_s: float = setting(
        10.0, 'Wall time after which a plan in lockstep counts as missing.', unit='s', low=0.1
    )


class SupervisorNode(Node):
    """Turns ``plan``, the robot's state and the operator's wish into ``joint_command``."""

    def __init__(self) -> None:
        """Read the parameters and open the topics."""
        super().__init__('supervisor')
        created = time.monotonic()
        self.settings = declare(self, SupervisorSettings)
        safety = declare(self, SafetySettings, 'safety.')
        self.scheduling = declare(self, SchedulingSettings)
        refuse_unknown(self)
        self.robot = load_robot(self.settings.robot, self.settings.task)
        self.lockstep = self.settings.mode == 'lockstep'
        self.log = ThrottledLog(self.get_logger())
        mode = Mode(self.settings.initial_mode)
        self.supervision = Supervision(self.robot, safety, mode, MOTION)
        self.newest: RobotState | None = None
        self.received = -1.0  # when it came, on the monotonic clock
        self.is_answered = True
        self.planner_is_missing = False
        self.has_planned = False
        self.last: JointTrajectory | None = None
        self.shown: tuple[Mode, Action, Fault] | None = None
        self.garbage = IdleCollection()
        self.scheduled = ''
        self.others = OtherPublishers(self, (*STATE_TOPICS, topics.PLAN, topics.JOINT_COMMAND))
        self.found: dict[str, str] = {}  # who else publishes, by topic
        refuse_other_publishers(self, (topics.JOINT_COMMAND,), created)
        self.open_topics()
        self.show_mode()

    def open_topics(self) -> None:
        """Create publishers, subscriptions, services and timers."""
        self.command_publisher = self.create_publisher(
            JointTrajectory, topics.JOINT_COMMAND, COMMAND
        )
        self.mode_publisher = self.create_publisher(String, topics.MODE, LATCHED)
        self.tick_publisher = self.create_publisher(
            DiagnosticArray, topics.SUPERVISOR_TICK, RELIABLE
        )
        self.diagnostics_publisher = self.create_publisher(
            DiagnosticArray, '/diagnostics', RELIABLE
        )
        self.create_subscription(JointTrajectory, topics.PLAN, self.on_plan, RELIABLE)
        self.states = StateSubscriber(
            self,
            self.robot,
            MOTION,
            self.on_state,
            qos=state_wanted(self.lockstep),
            period_ns=1,
            on_repeated=self.repeat,
        )
        self.needed = Inputs(
            self,
            (*self.states.topics, topics.PLAN),
            partial(self.states.why_no_state, in_lockstep=self.lockstep),
        )
        for name in (*(mode.value for mode in Mode), OLDER_NAME):
            self.create_service(Trigger, f'~/{name}', partial(self.on_request, Mode(name)))
        wall = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(WATCHDOG_S, self.watch, clock=wall)
        self.create_timer(OTHERS_S, self.look_for_others, clock=wall)
        self.create_timer(1.0, self.publish_diagnostics, clock=wall)

    def work(self, executor: Executor, stop: Stop) -> int:
        """Spin; on the way out leave the joints in their safe action."""
        if not self.lockstep:
            self.scheduled = self.scheduling.apply(SAFETY)
        self.garbage.begin()
        code = spin(executor, stop)
        if self.newest is not None:
            self.request(Mode.OFF)
        return code

    def close(self) -> None:
        """Leave memory to Python again."""
        self.garbage.end()

    # Inputs

    def on_state(self, state: RobotState) -> None:
        """Answer a state: at once, or in lockstep when its plan is there."""
        self.newest, self.received, self.is_answered = state, time.monotonic(), False
        self.supervision.on_state(state)
        if not self.must_wait():
            self.decide()

    def must_wait(self) -> bool:
        """Tell whether this state's plan is still to come (lockstep)."""
        if not self.lockstep or self.supervision.mode is not Mode.FOLLOW:
            return False
        return not self.planner_is_missing

    def on_plan(self, message: JointTrajectory) -> None:
        """Take a plan; one without points says that there is none for its state."""
        self.planner_is_missing, self.has_planned = False, True
        if message.points:
            try:
                self.supervision.on_plan(self.planned_steps(message))
            except SimdistError as error:
                self.log.error('plan', str(error))
        newest = self.newest
        if newest is None or self.is_answered or not self.lockstep:
            return
        if stamp_ns(message) >= newest.stamp_ns:
            self.decide()

    def planned_steps(self, message: JointTrajectory) -> PlannedSteps:
        """Read a plan."""
        starts = [duration_ns(point.time_from_start) for point in message.points[:2]]
        return PlannedSteps(
            stamp_ns=stamp_ns(message),
            first_effect_ns=stamp_ns(message) + starts[0],
            period_ns=starts[1] - starts[0] if len(starts) > 1 else self.robot.period_ns,
            positions=planned_positions(self.robot, message),
        )

    def on_request(
        self, mode: Mode, request: Trigger.Request, response: Trigger.Response
    ) -> Trigger.Response:
        """Change the operating mode if that is allowed now."""
        response.success, response.message = self.request(mode)
        return response

    def request(self, mode: Mode) -> tuple[bool, str]:
        """Ask for a mode and act on it at once; return whether it was taken, and why not."""
        try:
            self.supervision.request(mode)
        except SimdistError as error:
            return False, str(error)
        if self.newest is not None and not self.must_wait():
            self.decide()
        self.show_mode()
        return True, f'mode is {mode.value}'

    # Outputs

    def now_ns(self) -> int:
        """Return the time on the clock that stamps the states [ns]."""
        assert self.newest is not None
        since = 0.0 if self.lockstep else time.monotonic() - self.received
        return self.newest.stamp_ns + round(1e9 * since)

    def decide(self) -> None:
        """Publish the joint command that answers the newest state."""
        decision = self.supervision.command(self.now_ns())
        self.last = joint_command_to_msg(self.robot, decision.command)
        self.command_publisher.publish(self.last)
        if not self.is_answered:
            self.is_answered = True
            self.publish_tick(decision)
        self.announce(decision)
        self.garbage.collect()

    def repeat(self, stamp: int) -> None:
        """Send the last command again: a robot waits for it, or a planner that missed it."""
        if self.lockstep and self.last is not None:
            self.command_publisher.publish(self.last)

    def watch(self) -> None:
        """Act when states stop coming, or in lockstep when a plan does."""
        if self.newest is None:
            return
        waited = time.monotonic() - self.received
        if not self.lockstep:
            if waited > WATCHDOG_S + self.robot.period_s:
                self.decide()
            return
        is_waiting = self.has_planned and not self.is_answered
        if is_waiting and waited > self.settings.lockstep_patience_s:
            self.planner_is_missing = True
            self.decide()

    def look_for_others(self) -> None:
        """Act safely while another node publishes states, plans or commands of this robot."""
        found = self.others.find()
        if found == self.found:
            return
        self.found = found
        if found:
            self.get_logger().error(self.others.sentence(found))
        self.supervision.on_other_publishers(
            of_plan=topics.PLAN in found, of_robot=bool(found.keys() - {topics.PLAN})
        )
        if self.newest is not None and not self.must_wait():
            self.decide()

    def publish_tick(self, decision: Decision) -> None:
        """Publish what was decided for a new state."""
        values = {
            'mode': decision.mode.value,
            'action': decision.action.name.lower(),
            'fault': decision.fault.name.lower(),
            'late': int(decision.late),
            'limited': ' '.join(decision.limited),
            'unusable': describe(decision.findings),
        }
        stamp = time_msg(decision.command.stamp_ns)
        self.tick_publisher.publish(diagnostics(stamp, 'supervisor', 'tick', values))

    def announce(self, decision: Decision) -> None:
        """Log and publish a change of mode, action or fault."""
        now = (decision.mode, decision.action, decision.fault)
        if now == self.shown:
            return
        self.shown = now
        sentence = f'mode {decision.mode.value}: {decision.action.name.lower()}'
        if decision.fault is not Fault.NONE:
            fault = decision.fault.name.lower().replace('_', ' ')
            sentence += f', because of {fault}'
        is_stop = decision.fault in STOPS
        why = self.supervision.stopped_by if is_stop else describe(decision.findings)
        said = f'{sentence}: {why}' if why else sentence
        if decision.fault is Fault.NONE or decision.mode is Mode.OFF:  # off it is damped anyway
            self.log.info(sentence, said)
        else:
            self.log.warning(sentence, said)
        self.show_mode()

    def show_mode(self) -> None:
        """Publish the operating mode."""
        self.mode_publisher.publish(String(data=self.supervision.mode.value))

    def publish_diagnostics(self) -> None:
        """Publish mode and counters."""
        counters = self.supervision.counters
        values = {
            'mode': self.supervision.mode.value,
            'scheduling': self.scheduled,
            'ticks': counters.ticks,
            'follow_ticks': counters.follow_ticks,
            'late_ticks': counters.late_ticks,
            'other_publishers': ' '.join(f'{topic}:{who}' for topic, who in self.found.items()),
            'refused_messages': self.states.refused,
            'lost_states': counters.lost_states,
            'clock_steps': counters.clock_steps,
            **{f'fault_{fault.name.lower()}': n for fault, n in counters.faults.items()},
            **{f'limited_{name}': n for name, n in counters.limited.items()},
            **{f'unusable {what}': n for what, n in counters.unusable.items()},
            **{f'plans_{name.replace(" ", "_")}': n for name, n in counters.plans.items()},
        }
        fault = self.shown[2] if self.shown else Fault.NONE
        level = DiagnosticStatus.OK if fault is Fault.NONE else DiagnosticStatus.WARN
        if fault >= Fault.STALE_STATE:
            level = DiagnosticStatus.ERROR
        stamp = self.get_clock().now().to_msg()
        summary = f'mode {values["mode"]}, fault {fault.name.lower()}'
        if why := self.needed.look():
            summary, level = f'{summary}; {why}', max(level, DiagnosticStatus.WARN)
        self.diagnostics_publisher.publish(
            diagnostics(stamp, 'supervisor', summary, values, level)
        )


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run(SupervisorNode, args)


if __name__ == '__main__':
    sys.exit(main())
