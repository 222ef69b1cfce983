"""What a planner takes in and gives out: each state of the robot is answered with a plan."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.lifecycle import LifecycleNode
from trajectory_msgs.msg import JointTrajectory

from simdist_ros.core.errors import SimdistError
from simdist_ros.core.idle_collection import IdleCollection
from simdist_ros.core.scheduling import WaitClock
from simdist_ros.embodiment.observation import RobotState
from simdist_ros.embodiment.plausibility import describe
from simdist_ros.embodiment.robot import Robot
from simdist_ros.embodiment.sensors import sensors_of
from simdist_ros.messages import topics
from simdist_ros.messages.to_messages import (
    diagnostics,
    joint_command_from_msg,
    plan_to_msg,
    stamp_ns,
    time_msg,
)
from simdist_ros.nodes.inputs import Inputs
from simdist_ros.nodes.model_switch import ModelSwitch
from simdist_ros.nodes.planner_settings import PlannerSettings
from simdist_ros.nodes.qos import COMMAND, RELIABLE, state_wanted
from simdist_ros.nodes.state_subscriber import StateSubscriber
from simdist_ros.nodes.throttle import ThrottledLog
from simdist_ros.nodes.wanted_command import WantedCommand
from simdist_ros.planning.controller import Controller, PlannedTargets
from simdist_ros.planning.loading import LoadedPlanner
from simdist_ros.planning.plan import NoPlan, Plan
from simdist_ros.planning.planner import Planner
from simdist_ros.planning.statistics import TickStatistics

__all__ = ['PlanAnswers']


class PlanAnswers:
    """Answers states with ``plan``, from a planner node's configuration to its cleanup."""

    def __init__(
        self,
        node: LifecycleNode,
        robot: Robot,
        settings: PlannerSettings,
        loaded: LoadedPlanner,
        models: ModelSwitch,
        statistics: TickStatistics,
    ) -> None:
        """Create publishers and subscriptions.

        Args:
            node: Whose they are.
            robot: What it plans for.
            settings: Of the node.
            loaded: What plans.
            models: Exchanges the model of what plans.
            statistics: Told of each tick.
        """
        self.node, self.robot, self.models, self.statistics = node, robot, models, statistics
        self.lockstep = settings.mode == 'lockstep'
        self.controller, self.refit = Controller(robot, loaded.planner), loaded.refit
        self.garbage, self.waits = IdleCollection(), WaitClock()
        self.warn = ThrottledLog(node.get_logger()).warning
        timeout_s = math.inf if self.lockstep else settings.command_timeout_s
        self.command = WantedCommand(robot, timeout_s, self.warn)
        self.executed_stamp_ns: int | None = None  # of the newest joint command
        self.before_ns = self.newest_ns = -1  # stamps of the last two states
        self.waiting: RobotState | None = None
        self.answer: JointTrajectory | None = None
        self.plan_publisher = node.create_lifecycle_publisher(
            JointTrajectory, topics.PLAN, COMMAND
        )
        self.tick_publisher = node.create_publisher(DiagnosticArray, topics.PLANNER_TICK, RELIABLE)
        self.states = StateSubscriber(
            node,
            robot,
            sensors_of(robot),
            self.on_state,
            qos=state_wanted(self.lockstep),
            period_ns=robot.period_ns,
            height_map_max_age_s=settings.height_map_max_age_s,
            on_repeated=self.repeat_answer,
        )
        wanted = self.command.task.topic
        self.subscriptions = (
            node.create_subscription(
                JointTrajectory, topics.JOINT_COMMAND, self.on_joint_command, RELIABLE
            ),
            node.create_subscription(topics.MESSAGES[wanted], wanted, self.on_command, RELIABLE),
        )
        others = (wanted, topics.JOINT_COMMAND)
        self.needed = Inputs(node, (*self.states.topics, *others), self.missing)

    def begin(self) -> None:
        """Start planning with an empty history."""
        self.controller.reset()
        self.waiting = self.answer = None
        self.executed_stamp_ns, self.command.stamp_ns = None, -1
        self.garbage.begin()

    def close(self) -> None:
        """Let go of all topics."""
        self.garbage.end()
        self.waits.close()
        for subscription in (*self.states.subscriptions, *self.subscriptions):
            self.node.destroy_subscription(subscription)
        self.node.destroy_lifecycle_publisher(self.plan_publisher)
        self.node.destroy_publisher(self.tick_publisher)

    # Inputs

    def on_command(self, message: Any) -> None:
        """Take what is wanted of the robot."""
        self.command.take(message)
        self.answer_waiting()

    def on_joint_command(self, message: JointTrajectory) -> None:
        """Remember what the robot was really told."""
        if self.states.joint_pos is None:
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
        self.before_ns, self.newest_ns, self.waiting = self.newest_ns, state.stamp_ns, state
        self.answer_waiting()

    def answer_waiting(self) -> None:
        """Plan from the state that waits, if it has what it needs."""
        state, controller = self.waiting, self.controller
        if state is None or not self.plan_publisher.is_activated:
            return
        if self.lockstep and not self.is_complete(state):
            return
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
            self.node.get_logger().info(told)

    def is_complete(self, state: RobotState) -> bool:
        """Tell whether its command, and what the state before it led to, are known (lockstep)."""
        is_first, newest = self.controller.step is None, self.executed_stamp_ns
        acted = newest is not None and state.stamp_ns - newest < 1.5 * self.robot.period_ns
        acted = acted or (newest is not None and 0 <= self.before_ns <= newest)  # after a gap
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
            found = self.controller.findings
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
        age_ms = 0.0 if self.lockstep else 1e-6 * (self.node.get_clock().now().nanoseconds - stamp)
        findings = self.controller.findings
        values = self.statistics.add(result, elapsed_ms, age_ms, waited_ms, findings)
        values['model_identity'] = self.models.live.running.manifest.identity
        self.tick_publisher.publish(diagnostics(time_msg(stamp), 'planner', 'tick', values))
