"""How the stand-in does one trial after the other, and leads the graph from each to the next."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.client import Client
from rclpy.duration import Duration
from rclpy.executors import Executor
from std_srvs.srv import Trigger

from simdist_ros.messages import topics
from simdist_ros.messages.to_messages import diagnostics, time_msg, wanted_to_msg
from simdist_ros.nodes.qos import RELIABLE
from simdist_ros.nodes.runtime import Stop
from simdist_ros.sim.trials import TrialResult, Trials

if TYPE_CHECKING:
    from simdist_ros.nodes.mujoco_robot import MujocoRobotNode

PAUSE_S = 3.0  # of robot time between two trials: what was told before is forgotten
CONFIRMED = 5  # periods from a state after a gap, which is doubted, to the next
MOST_ASKED = 500  # times, until the supervisor follows plans again
FLUSH_S = 0.5


class TrialRunner:
    """Publishes what is asked for in each trial, with each state, and what came of it.

    A robot that is set back to a start jumps. So time jumps too, and by so much that no node takes
    it for motion; the answer to the first state after it is not obeyed, since a stamp that jumps
    is doubted until the next one.
    """

    def __init__(self, node: MujocoRobotNode) -> None:
        """Open topics and services.

        Raises:
            ConfigError: The task has no end.
        """
        self.node = node
        goal = np.array(node.settings.goal) if node.settings.goal else None
        self.trials = Trials(node.simulation, node.settings.seed, node.settings.trial_s, goal)
        topic = node.task.topic
        self.goals = node.create_publisher(topics.MESSAGES[topic], topic, RELIABLE)
        self.results = node.create_publisher(DiagnosticArray, topics.TRIAL, RELIABLE)
        self.services: dict[str, Client[Any, Any]] = {
            name: node.create_client(Trigger, f'supervisor/{name}') for name in ('stand', 'follow')
        }

    def tell_goal(self, stamp: int) -> None:
        """Publish what is asked for, with the stamp of the state that follows."""
        node = self.node
        self.goals.publish(wanted_to_msg(node.task, stamp, node.simulation.command))

    def work(self, executor: Executor, stop: Stop) -> int:
        """Do all trials; return the exit code."""
        node, result = self.node, None
        for _ in range(node.settings.trials):
            if not self.begin(executor, stop, result):
                return 0 if node.is_over(stop) else 1
            result = self.trials.look(node.simulation.true_state())
            while result is None:
                node.simulation.step()
                if not node.wait_for_answer(executor, stop):
                    return 0 if node.is_over(stop) else 1
                result = self.trials.look(node.simulation.true_state())
            self.tell(result)
        for publisher in (node.joints, self.results):
            publisher.wait_for_all_acked(Duration(seconds=FLUSH_S))
        return 0

    def begin(self, executor: Executor, stop: Stop, last: TrialResult | None) -> bool:
        """Set the robot to the next start; return whether its first state was answered."""
        node, period_ns = self.node, self.node.robot.period_ns
        self.trials.begin()
        if last is None:
            return node.wait_for_answer(executor, stop)
        node.start_ns = node.asked_ns + round(1e9 * PAUSE_S)
        node.obeys = False
        if not node.wait_for_answer(executor, stop):
            return False
        node.start_ns += CONFIRMED * period_ns
        node.obeys = True
        if not node.wait_for_answer(executor, stop):
            return False
        if last.succeeded:
            return True
        return self.led_out(executor, stop)

    def led_out(self, executor: Executor, stop: Stop) -> bool:
        """Let the supervisor follow plans again, which a protective stop ends; tell whether."""
        said = ''
        for _ in range(MOST_ASKED):
            if self.node.is_over(stop):
                return False
            done, said = self.ask('follow', executor, stop)
            if done:
                return True
            self.ask('stand', executor, stop)
            executor.spin_once(timeout_sec=0.02)
        self.node.get_logger().error(f'no further trial: {said}')
        return False

    def ask(self, name: str, executor: Executor, stop: Stop) -> tuple[bool, str]:
        """Call a service of the supervisor; return whether it did it, and what it said."""
        client, until = self.services[name], time.monotonic() + self.node.settings.patience_s
        future = None
        while not self.node.is_over(stop) and time.monotonic() < until:
            if future is None and client.service_is_ready():
                future = client.call_async(Trigger.Request())
            answer: Any = future.result() if future is not None and future.done() else None
            if answer is not None:
                return bool(answer.success), str(answer.message)
            executor.spin_once(timeout_sec=0.02)
        return False, f'supervisor/{name} does not answer'

    def tell(self, result: TrialResult) -> None:
        """Publish a result and log it."""
        node = self.node
        values = asdict(result) | {'succeeded': int(result.succeeded)}
        self.results.publish(diagnostics(time_msg(node.asked_ns), 'mujoco_robot', 'trial', values))
        node.get_logger().info(
            f'trial {result.number + 1} of {node.settings.trials}, from {result.start}: '
            f'{result.ended_by} after {result.time_s:.1f} s, {result.max_force_n:.0f} N'
        )
