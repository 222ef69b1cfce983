"""Node that stands in for the hardware: MuJoCo behind the robot's own topics."""

from __future__ import annotations

import dataclasses
import math
import sys
import time
from typing import Any

import numpy as np
from nav_msgs.msg import Odometry
from rclpy.client import Client
from rclpy.clock import Clock as SteadyClock
from rclpy.clock_type import ClockType
from rclpy.duration import Duration
from rclpy.executors import Executor
from rclpy.node import Node
from rclpy.task import Future
from rosgraph_msgs.msg import Clock
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

from simdist_ros.core.errors import SimdistError
from simdist_ros.core.idle_collection import IdleCollection
from simdist_ros.core.scheduling import SAFETY, SchedulingSettings
from simdist_ros.embodiment.command import JointCommand
from simdist_ros.embodiment.robot import load_robot
from simdist_ros.embodiment.sensors import SENSORS, sensors_of
from simdist_ros.messages import topics
from simdist_ros.messages.to_messages import (
    height_map_to_msg,
    imu_to_msg,
    joint_command_from_msg,
    joint_state_to_msg,
    odometry_to_msg,
    ranges_to_msg,
    stamp_ns,
    time_msg,
    wrench_to_msg,
)
from simdist_ros.nodes.mujoco_robot_settings import MujocoRobotSettings
from simdist_ros.nodes.other_publishers import (
    STATE_TOPICS,
    OtherPublishers,
    refuse_other_publishers,
)
from simdist_ros.nodes.parameters import declare, refuse_unknown
from simdist_ros.nodes.qos import RELIABLE
from simdist_ros.nodes.runtime import BAD_INPUT, Stop, run
from simdist_ros.nodes.throttle import ThrottledLog
from simdist_ros.nodes.trial_runner import TrialRunner
from simdist_ros.sim.scenes.world import load_world
from simdist_ros.sim.simulated_robot import SimulatedRobot
from simdist_ros.tasks.choice import task_of

REPEAT_S = 0.5  # between two publications of a state without an answer (lockstep)
SETTLE_S = 1.0  # from the last subscriber of one topic to those of the others
FLUSH_S = 0.5  # for the last state to reach all who read it
COMMAND_TIMEOUT_S = 0.2
GOODBYE_S = 1.0  # for the supervisor to switch off
OTHERS_S = 0.5  # between two looks for other publishers


class MujocoRobotNode(Node):
    """Publishes what the robot measures and obeys ``joint_command``."""

    def __init__(self) -> None:
        """Build the simulation and open the topics."""
        super().__init__('mujoco_robot')
        created = time.monotonic()
        self.settings = declare(self, MujocoRobotSettings)
        self.scheduling = declare(self, SchedulingSettings)
        refuse_unknown(self)
        self.robot = load_robot(self.settings.robot, self.settings.task)
        self.task = task_of(self.robot)
        world = load_world(self.settings.world)
        goal = self.task.goal.check(np.array(self.settings.goal)) if self.settings.goal else None
        self.simulation = SimulatedRobot(self.robot, world, self.settings.seed, goal)
        self.lockstep = self.settings.mode == 'lockstep'
        self.start_ns = 0  # stamp of simulated time 0
        self.asked_ns = -1  # stamp of the newest state
        self.answered_ns = -1
        self.obeys = True
        self.commanded = 0.0  # when the last command came, on the monotonic clock
        self.late_ticks = 0
        self.dismissal: Future[Any] | None = None  # the supervisor was asked to switch off
        self.dismissed_at = math.inf  # in any case, on the monotonic clock
        self.log = ThrottledLog(self.get_logger())
        self.garbage = IdleCollection()
        self.others = OtherPublishers(self, (*STATE_TOPICS, topics.JOINT_COMMAND))
        self.foreign = ''  # says who else publishes for this robot
        owned = (*STATE_TOPICS, topics.GROUND_TRUTH, *(('/clock',) if self.lockstep else ()))
        refuse_other_publishers(self, owned, created)
        self.open_topics()
        self.trials = TrialRunner(self) if self.settings.trials else None

    def open_topics(self) -> None:
        """Create publishers and the subscription of the command."""
        measured = {name: SENSORS[name].topic for name in reversed(sensors_of(self.robot))}
        self.sensors = {  # the joints last, since they complete a state
            name: self.create_publisher(topics.MESSAGES[topic], topic, RELIABLE)
            for name, topic in measured.items()
        }
        self.joints = self.sensors['joints']
        self.ground_truth = self.create_publisher(Odometry, topics.GROUND_TRUTH, RELIABLE)
        self.clock = self.create_publisher(Clock, '/clock', RELIABLE) if self.lockstep else None
        self.create_subscription(
            JointTrajectory, topics.JOINT_COMMAND, self.on_joint_command, RELIABLE
        )
        self.supervisor_off: Client[Any, Any] = self.create_client(Trigger, 'supervisor/off')
        wall = SteadyClock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(OTHERS_S, self.look_for_others, clock=wall)
        if self.settings.tell_every_s:
            self.create_timer(self.settings.tell_every_s, self.tell_progress, clock=wall)

    def close(self) -> None:
        """Leave memory to Python again."""
        self.garbage.end()

    def work(self, executor: Executor, stop: Stop) -> int:
        """Simulate until asked to stop or until the duration is over."""
        num_ticks = ticks_of(self.settings.duration_s, self.robot.period_ns)
        self.wait_for_observers(executor, stop)
        if self.trials is not None:
            code = self.trials.work(executor, stop)
        else:
            work = self.work_in_lockstep if self.lockstep else self.work_in_realtime
            code = work(executor, stop, num_ticks)
        if self.foreign:
            print(f'error: {self.foreign}', file=sys.stderr, flush=True)
            return BAD_INPUT
        return code

    def look_for_others(self) -> None:
        """Note who else publishes for this robot: what is simulated then means nothing."""
        found = self.others.find()
        if found:
            self.foreign = self.others.sentence(found)

    def tell_progress(self) -> None:
        """Say how far it is."""
        if self.answered_ns < 0:
            heard, wanted = self.joints.get_subscription_count(), self.settings.num_observers
            self.get_logger().info(
                f'waits for the first command; {heard} of {wanted} nodes listen'
            )
            return
        truth = self.simulation.true_state()
        self.get_logger().info(
            progress(
                self.simulation.time_ns,
                self.settings.duration_s,
                self.task.where(truth.position, truth.joint_pos),
            )
        )

    def is_over(self, stop: Stop) -> bool:
        """Tell whether to end before the duration is over."""
        return stop.requested or bool(self.foreign)

    def wait_for_observers(self, executor: Executor, stop: Stop) -> None:
        """Wait until all who should see the first state are connected."""
        settled = float('inf')
        while not self.is_over(stop) and time.monotonic() < settled:
            executor.spin_once(timeout_sec=0.05)
            if self.joints.get_subscription_count() < self.settings.num_observers:
                continue
            settled = min(settled, time.monotonic() + SETTLE_S)

    def on_joint_command(self, message: JointTrajectory) -> None:
        """Obey a command; what does not fit or is not finite is refused, the last one holds.

        In lockstep only the answer to the newest state counts.
        """
        if self.lockstep and stamp_ns(message) < self.asked_ns:
            return
        try:
            command = joint_command_from_msg(self.robot, message)
            if self.obeys:
                self.simulation.apply(command)
        except SimdistError as error:
            self.log.error('joint_command', str(error))
            return
        self.answered_ns = stamp_ns(message)
        self.commanded = time.monotonic()

    def publish_state(self) -> int:
        """Publish what the sensors measured, and the truth; return the stamp [ns]."""
        state = self.simulation.state()
        stamp = self.start_ns + state.stamp_ns
        measured = dataclasses.replace(state, stamp_ns=stamp)
        self.asked_ns = stamp
        if self.trials is not None:
            self.trials.tell_goal(stamp)
        if self.clock is not None:
            self.clock.publish(Clock(clock=time_msg(stamp)))
        truth = self.simulation.true_state()
        messages = {
            'joints': lambda: joint_state_to_msg(self.robot, measured, truth.joint_torque),
            'imu': lambda: imu_to_msg(measured),
            'odom': lambda: odometry_to_msg(
                stamp,
                truth.position,
                measured.orientation,
                measured.linear_velocity,
                measured.angular_velocity,
            ),
            'wrench': lambda: wrench_to_msg(self.robot, measured),
            'height_map': lambda: height_map_to_msg(self.robot.height_map, measured),
            'ranges': lambda: ranges_to_msg(self.robot, measured),
        }
        for name, publisher in self.sensors.items():
            publisher.publish(messages[name]())
        self.ground_truth.publish(
            odometry_to_msg(
                stamp,
                truth.position,
                truth.orientation,
                truth.linear_velocity,
                truth.angular_velocity,
            )
        )
        return stamp

    # Lockstep

    def work_in_lockstep(self, executor: Executor, stop: Stop, num_ticks: int) -> int:
        """Publish a state, wait for its answer, advance; the wall clock plays no part."""
        ticks = 0
        while self.wait_for_answer(executor, stop):
            if ticks == num_ticks:
                self.joints.wait_for_all_acked(Duration(seconds=FLUSH_S))
                return 0
            self.simulation.step()
            ticks += 1
        return 0 if self.is_over(stop) else 1

    def wait_for_answer(self, executor: Executor, stop: Stop) -> bool:
        """Publish the present state, again at times, until its command is there."""
        began = time.monotonic()
        stamp = self.publish_state()
        published = began
        while self.answered_ns < stamp and not self.is_over(stop):
            executor.spin_once(timeout_sec=0.05)
            now = time.monotonic()
            if now - published > REPEAT_S:
                self.publish_state()
                published = now
            if now - began > self.settings.patience_s:
                self.get_logger().error(
                    f'no joint_command answered the state of {1e-9 * stamp:.2f} s within '
                    f'{self.settings.patience_s:g} s; is the supervisor running in lockstep?'
                )
                return False
        return not self.is_over(stop)

    # Realtime

    def work_in_realtime(self, executor: Executor, stop: Stop, num_ticks: int) -> int:
        """Keep step with the wall clock; what cannot be kept is counted, not caught up."""
        period_s = self.robot.period_s
        self.scheduling.apply(SAFETY)
        self.garbage.begin()
        self.start_ns = self.get_clock().now().nanoseconds - self.simulation.time_ns
        due = self.commanded = time.monotonic()
        last = None
        while not self.is_over(stop):
            self.publish_state()
            if self.answered_ns >= 0 and last is None:
                last = self.simulation.time_ns + num_ticks * self.robot.period_ns
            is_over = last is not None and self.simulation.time_ns >= last
            if is_over and self.is_dismissed():
                return 0
            due = self.next_due(due + period_s)
            self.garbage.collect()
            executor.spin_once(timeout_sec=0.0)  # also when there is no time left
            while not self.is_over(stop) and time.monotonic() < due:
                executor.spin_once(timeout_sec=max(0.0, due - time.monotonic()))
            self.damp_if_abandoned()
            self.simulation.step()
        return 0

    def is_dismissed(self) -> bool:
        """Ask the supervisor to switch off, so that it misses no states; tell when it has."""
        if self.dismissal is None:
            if not self.supervisor_off.service_is_ready():
                return True
            self.dismissal = self.supervisor_off.call_async(Trigger.Request())
            self.dismissed_at = time.monotonic() + GOODBYE_S
        return bool(self.dismissal.done()) or time.monotonic() > self.dismissed_at

    def damp_if_abandoned(self) -> None:
        """Without a fresh command the joints are damped; those of a robot that holds go on."""
        if self.robot.holds:
            return
        if time.monotonic() - self.commanded > COMMAND_TIMEOUT_S:
            stamp = self.simulation.time_ns
            self.simulation.apply(JointCommand(stamp_ns=stamp, position=None))

    def next_due(self, due: float) -> float:
        """Return when the next state is due; if that is long past, start again from now."""
        now = time.monotonic()
        if now - due < self.robot.period_s:
            return due
        self.late_ticks += 1
        skipped_ns = round(1e9 * (now - due))
        self.start_ns += skipped_ns
        self.log.warning(
            'late',
            f'the simulation is {1e-6 * skipped_ns:.0f} ms behind the clock; time is skipped',
        )
        return now


def ticks_of(duration_s: float, period_ns: int) -> int:
    """Return the ticks of a duration [s]: one at least, and for 0 more than anybody waits for."""
    return max(1, round(1e9 * duration_s / period_ns)) if duration_s else sys.maxsize


def progress(time_ns: int, duration_s: float, where: str) -> str:
    """Say how much of a run is done, and where the robot is."""
    end = f' of {duration_s:g}' if duration_s else ''
    return f'{1e-9 * time_ns:.1f}{end} s of robot time, {where}'


def main(args: list[str] | None = None) -> int:
    """Run the node."""
    return run(MujocoRobotNode, args)


if __name__ == '__main__':
    sys.exit(main())
