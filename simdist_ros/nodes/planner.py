"""Lifecycle node that answers each robot state with a plan."""

from __future__ import annotations

import sys
import time

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.executors import Executor
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn

from simdist_ros.adaptation.live_error import WatchSettings
from simdist_ros.adaptation.live_model import LiveModel
from simdist_ros.core.errors import SimdistError
from simdist_ros.core.scheduling import CONTROL, SchedulingSettings
from simdist_ros.embodiment.robot import load_robot
from simdist_ros.messages import topics
from simdist_ros.messages.to_messages import (
    diagnostics,
)
from simdist_ros.nodes.awaited_parameters import AwaitedParameters
from simdist_ros.nodes.model_switch import ModelSwitch
from simdist_ros.nodes.other_publishers import refuse_other_publishers
from simdist_ros.nodes.parameters import declare, refuse_unknown
from simdist_ros.nodes.plan_answers import PlanAnswers
from simdist_ros.nodes.planner_settings import PlannerSettings
from simdist_ros.nodes.qos import RELIABLE
from simdist_ros.nodes.runtime import BAD_INPUT, Stop, run, spin
from simdist_ros.nodes.throttle import ThrottledLog
from simdist_ros.planning.backends.choice import BackendSettings
from simdist_ros.planning.loading import load_planner
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
        self.answers: PlanAnswers | None = None
        self.models: ModelSwitch | None = None
        self.statistics = TickStatistics()
        self.scheduled = ''
        self.failure = ''
        self.warn = ThrottledLog(self.get_logger()).warning

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
        if self.answers is not None:
            self.answers.garbage.end()

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
        self.answers = PlanAnswers(
            self, self.robot, self.settings, loaded, self.models, self.statistics
        )
        self.diagnostics_publisher = self.create_publisher(
            DiagnosticArray, '/diagnostics', RELIABLE
        )
        wall = Clock(clock_type=ClockType.STEADY_TIME)
        self.timer = self.create_timer(1.0, self.publish_diagnostics, clock=wall)
        return super().on_configure(state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Start planning with an empty history."""
        assert self.answers is not None
        self.answers.begin()
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
        if self.answers is None or self.models is None:
            return
        self.models.close()
        self.answers.close()
        self.answers = self.models = None
        self.destroy_timer(self.timer)
        self.destroy_publisher(self.diagnostics_publisher)

    async def change_model(self, name: object) -> str:
        """Swap in another model's dynamics; return why not, or an empty text."""
        if not isinstance(name, str):
            return f'model is {name!r}; it must be a name or a folder'
        if self.models is None:  # read when the node is configured
            return ''
        return await self.models.change(name)

    def publish_diagnostics(self) -> None:
        """Publish what was held over the last seconds."""
        level = DiagnosticStatus.OK if self.statistics.is_healthy else DiagnosticStatus.WARN
        summary, values = self.statistics.summary()
        values['scheduling'] = self.scheduled
        if self.models is not None:
            values |= self.models.live.values()
        if self.answers is not None and (why := self.answers.needed.look()):
            summary, level = why, DiagnosticStatus.WARN
        stamp = self.get_clock().now().to_msg()
        self.diagnostics_publisher.publish(diagnostics(stamp, 'planner', summary, values, level))


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run(PlannerNode, args)


if __name__ == '__main__':
    sys.exit(main())
