"""Lifecycle node that answers each robot state with a plan."""

from __future__ import annotations

import math
import sys
import time
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.executors import Executor
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from trajectory_msgs.msg import JointTrajectory

from simdist_ros.adaptation.live_error import WatchSettings
from simdist_ros.adaptation.live_model import LiveModel
from simdist_ros.core.errors import SimdistError
from simdist_ros.core.idle_collection import IdleCollection
from simdist_ros.core.scheduling import CONTROL, SchedulingSettings, WaitClock
from simdist_ros.embodiment.observation import RobotState
from simdist_ros.embodiment.plausibility import describe
from simdist_ros.embodiment.robot import load_robot
from simdist_ros.embodiment.sensors import sensors_of
from simdist_ros.messages import topics
from simdist_ros.messages.to_messages import (
    diagnostics,
    joint_command_from_msg,
    plan_to_msg,
    stamp_ns,
    time_msg,
)
from simdist_ros.nodes.awaited_parameters import AwaitedParameters
from simdist_ros.nodes.inputs import Inputs
from simdist_ros.nodes.model_switch import ModelSwitch
from simdist_ros.nodes.other_publishers import refuse_other_publishers
from simdist_ros.nodes.parameters import declare, refuse_unknown
from simdist_ros.nodes.planner_settings import PlannerSettings
from simdist_ros.nodes.qos import COMMAND, RELIABLE, state_wanted
from simdist_ros.nodes.runtime import BAD_INPUT, Stop, run, spin
from simdist_ros.nodes.state_subscriber import StateSubscriber
from simdist_ros.nodes.throttle import ThrottledLog
from simdist_ros.nodes.wanted_command import WantedCommand
from simdist_ros.planning.backends.choice import BackendSettings
from simdist_ros.planning.controller import Controller, PlannedTargets
from simdist_ros.planning.loading import load_planner
from simdist_ros.planning.plan import NoPlan, Plan
from simdist_ros.planning.planner import Planner
from simdist_ros.planning.settings import MppiSettings
from simdist_ros.planning.statistics import TickStatistics, peak_memory_mb

SWITCH_S = 2e-5  # in which the thread that reads a model gives way to the one that plans


class PlannerNode(LifecycleNode):
    """Turns the robot's state and what is wanted of it into ``plan``."""

    def __init__(self) -> None:
        """Read the parameters; nothing is loaded before `on_configure`."""
        super().__init__('planner', start_parameter_services=False)
        self.created = time.monotonic()
        self.settings = declare(self, PlannerSettings, settable=('model',))
        self.backend = declare(self, BackendSettings)
        self.mppi = declare(self, MppiSettings, 'mppi.')
        self.watch = declare(self, WatchSettings, 'watch.')
        self.scheduling = declare(self, SchedulingSettings)
        refuse_unknown(self)
        self.parameter_services = AwaitedParameters(self, {'model': self.change_model})
        self.robot = load_robot(self.settings.robot, self.settings.task)
        self.lockstep = self.settings.mode == 'lockstep'
        if self.lockstep:  # the same seed gives the same bits: nothing may hang on a measurement
            self.backend = self.backend.fixed()
        self.controller: Controller | None = None
        self.models: ModelSwitch | None = None
        self.statistics = TickStatistics()
        self.garbage = IdleCollection()
        self.waits = WaitClock()
        self.scheduled = ''
        self.failure = ''
        self.warn = ThrottledLog(self.get_logger()).warning
        timeout_s = math.inf if self.lockstep else self.settings.command_timeout_s
        self.command = WantedCommand(self.robot, timeout_s, self.warn)
        self.executed_stamp_ns: int | None = None  # of the newest joint command
        self.waiting: RobotState | None = None
        self.answer: JointTrajectory | None = None

    def work(self, executor: Executor, stop: Stop) -> int:
        """Start by itself if so set, then spin."""
        sys.setswitchinterval(SWITCH_S)
        if not self.lockstep:
            self.scheduled = self.scheduling.apply(CONTROL)
        if self.settings.autostart:
            self.trigger_configure()
            if self.failure:
                print(f'error: {self.failure}', file=sys.stderr, flush=True)
                return BAD_INPUT
            self.trigger_activate()
        return spin(executor, stop)

    def close(self) -> None:
        """Let the thread that reads models end."""
        if self.models is not None:
            self.models.live.close()
        self.garbage.end()
        self.waits.close()

    # Lifecycle

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the model, warm it up and fit the search to its budget."""
        began = time.monotonic()
        try:
            loaded = load_planner(
                self.get_parameter('model').value,
                self.robot,
                self.mppi,
                seed=self.settings.seed,
                backend=self.backend,
            )
            refuse_other_publishers(self, (topics.PLAN,), self.created)
        except SimdistError as error:
            self.failure = str(error)
            self.get_logger().error(self.failure)
            return TransitionCallbackReturn.FAILURE
        self.failure = ''
        self.controller = Controller(self.robot, loaded.planner)
        self.refit = loaded.refit
        live = LiveModel(
            loaded.planner, loaded.loaded, self.robot, self.watch, waits=self.lockstep
        )
        self.models = ModelSwitch(self, live, self.warn)
        self.statistics = TickStatistics(
            loaded.name,
            loaded.planner.settings,
            loaded.planner.backend.about,
            loaded.planner.proposals.count,
            asked=self.mppi,
        )
        if loaded.warning:
            self.get_logger().warning(loaded.warning)
        ready_s, memory_mb = time.monotonic() - began, peak_memory_mb()
        self.get_logger().info(
            f'{loaded.summary}; ready after {ready_s:.1f} s, {memory_mb:.0f} MB'
        )
        if not self.lockstep and not self.mppi.plan_delay_steps:
            self.get_logger().warning(
                'mppi.plan_delay_steps is 0 in realtime: every plan will come late; set it to 1'
            )
        self.open_topics()
        return super().on_configure(state)

    def open_topics(self) -> None:
        """Create publishers and subscriptions."""
        self.plan_publisher = self.create_lifecycle_publisher(
            JointTrajectory, topics.PLAN, COMMAND
        )
        self.tick_publisher = self.create_publisher(DiagnosticArray, topics.PLANNER_TICK, RELIABLE)
        self.diagnostics_publisher = self.create_publisher(
            DiagnosticArray, '/diagnostics', RELIABLE
        )
        self.states = StateSubscriber(
            self,
            self.robot,
            sensors_of(self.robot),
            self.on_state,
            qos=state_wanted(self.lockstep),
            period_ns=self.robot.period_ns,
            height_map_max_age_s=self.settings.height_map_max_age_s,
            on_repeated=self.repeat_answer,
        )
        wanted = self.command.task.topic
        self.inputs = (
            self.create_subscription(
                JointTrajectory, topics.JOINT_COMMAND, self.on_joint_command, RELIABLE
            ),
            self.create_subscription(topics.MESSAGES[wanted], wanted, self.on_command, RELIABLE),
        )
        others = (wanted, topics.JOINT_COMMAND)
        self.needed = Inputs(self, (*self.states.topics, *others), self.missing)
        wall = Clock(clock_type=ClockType.STEADY_TIME)
        self.timer = self.create_timer(1.0, self.publish_diagnostics, clock=wall)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Start planning with an empty history."""
        assert self.controller is not None
        self.controller.reset()
        self.waiting = self.answer = None
        self.executed_stamp_ns, self.command.stamp_ns = None, -1
        self.garbage.begin()
        return super().on_activate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Let go of the model and all topics."""
        self.release()
        return super().on_cleanup(state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop planning for good."""
        self.release()
        return super().on_shutdown(state)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop planning; the node can be configured anew."""
        self.release()
        return super().on_error(state)

    def release(self) -> None:
        """Let go of what `on_configure` made, if it did."""
        if self.controller is None or self.models is None:
            return
        self.models.close()
        self.controller = self.models = None
        self.garbage.end()
        for subscription in (*self.states.subscriptions, *self.inputs):
            self.destroy_subscription(subscription)
        self.destroy_timer(self.timer)
        self.destroy_lifecycle_publisher(self.plan_publisher)
        self.destroy_publisher(self.tick_publisher)
        self.destroy_publisher(self.diagnostics_publisher)

    async def change_model(self, name: object) -> str:
        """Swap in another model's dynamics; return why not, or an empty text."""
        if not isinstance(name, str):
            return f'model is {name!r}; it must be a name or a folder'
        if self.models is None:  # read when the node is configured
            return ''
        return await self.models.change(name)

    # Inputs

    def on_command(self, message: Any) -> None:
        """Take what is wanted of the robot."""
        self.command.take(message)
        self.answer_waiting()

    def on_joint_command(self, message: JointTrajectory) -> None:
        """Remember what the robot was really told."""
        if self.controller is None or self.states.joint_pos is None:
            return
        try:
            command = joint_command_from_msg(self.robot, message)
        except SimdistError as error:
            self.warn('joint_command', str(error))
            return
        self.controller.note_executed(command, self.states.joint_pos)
        self.executed_stamp_ns = command.stamp_ns
        self.answer_waiting()

    def on_state(self, state: RobotState) -> None:
        """Keep the newest state until all that its plan needs is there."""
        self.waiting = state
        self.answer_waiting()

    def answer_waiting(self) -> None:
        """Plan from the state that waits, if it has what it needs."""
        state, controller = self.waiting, self.controller
        if state is None or controller is None or not self.plan_publisher.is_activated:
            return
        if self.lockstep and not self.is_complete(state, controller):
            return
        assert self.models is not None
        self.waiting = None
        began, waited_ms = time.perf_counter(), self.waits.read_ms()
        with self.models.live.way.urgent():
            try:
                result = controller.tick(state, self.command.now().astype(np.float32))
            except SimdistError as error:
                self.warn('state', str(error))
                return
            self.publish(state.stamp_ns, result)
        elapsed_ms = 1e3 * (time.perf_counter() - began)
        self.record(state.stamp_ns, result, elapsed_ms, self.waits.read_ms() - waited_ms)
        if isinstance(result, PlannedTargets):
            self.models.watch(controller.observation, result.plan)
            self.fit_again(controller.planner, result.plan)
        controller.planner.prepare()
        self.garbage.collect()

    def fit_again(self, planner: Planner, plan: Plan) -> None:
        """Change the size of the search for the next tick, by what the last plans took."""
        told = '' if self.lockstep else self.refit.apply(planner, plan)
        if told:
            self.statistics.resize(planner.settings, planner.proposals.count)
            self.get_logger().info(told)

    def is_complete(self, state: RobotState, controller: Controller) -> bool:
        """Tell whether command and executed action of the same stamps are known (lockstep)."""
        is_first, newest = controller.step is None, self.executed_stamp_ns
        acted = newest is not None and state.stamp_ns - newest < 1.5 * self.robot.period_ns
        return self.command.stamp_ns >= state.stamp_ns and (is_first or acted)

    def missing(self) -> str:
        """Say what is missing for a plan."""
        why = self.command.why_no_answer(self.waiting) if self.lockstep else ''
        return why or self.states.why_no_state(in_lockstep=self.lockstep)

    # Outputs

    def publish(self, stamp: int, result: PlannedTargets | NoPlan) -> None:
        """Publish the plan; one without points says that there is none for this state."""
        if isinstance(result, NoPlan):
            reason = result.reason.value
            found = self.controller.findings if self.controller is not None else ()
            why = f'{reason} ({describe(found)})' if found else reason
            self.warn(reason, f'no plan: {why}; the supervisor follows the last one')
            self.answer = plan_to_msg(self.robot, stamp, 0, np.zeros((0, self.robot.num_joints)))
        else:
            self.answer = plan_to_msg(self.robot, stamp, result.delay_steps, result.positions)
        self.plan_publisher.publish(self.answer)

    def repeat_answer(self, stamp: int) -> None:
        """Publish the last plan again for a robot that still waits for it (lockstep)."""
        if self.lockstep and self.answer is not None and stamp_ns(self.answer) == stamp:
            self.plan_publisher.publish(self.answer)

    def record(
        self, stamp: int, result: PlannedTargets | NoPlan, elapsed_ms: float, waited_ms: float
    ) -> None:
        """Publish what this tick took, what of it in wait for a processor, and what it gave."""
        age_ms = 0.0 if self.lockstep else 1e-6 * (self.get_clock().now().nanoseconds - stamp)
        findings = self.controller.findings if self.controller is not None else ()
        values = self.statistics.add(result, elapsed_ms, age_ms, waited_ms, findings)
        if self.models is not None:
            values['model_identity'] = self.models.live.running.manifest.identity
        self.tick_publisher.publish(diagnostics(time_msg(stamp), 'planner', 'tick', values))

    def publish_diagnostics(self) -> None:
        """Publish what was held over the last seconds."""
        level = DiagnosticStatus.OK if self.statistics.is_healthy else DiagnosticStatus.WARN
        summary, values = self.statistics.summary()
        values['scheduling'] = self.scheduled
        if self.models is not None:
            values |= self.models.live.values()
        if why := self.needed.look():
            summary, level = why, DiagnosticStatus.WARN
        stamp = self.get_clock().now().to_msg()
        self.diagnostics_publisher.publish(diagnostics(stamp, 'planner', summary, values, level))


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run(PlannerNode, args)


if __name__ == '__main__':
    sys.exit(main())
