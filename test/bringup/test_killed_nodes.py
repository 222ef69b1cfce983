"""While the published model walks in realtime, the planner is killed, and then the logger."""

from __future__ import annotations

import time

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from nav_msgs.msg import Odometry
from trajectory_msgs.msg import JointTrajectory

from simdist_ros.core.rotation import projected_gravity, tilt
from simdist_ros.embodiment.robot import load_robot
from simdist_ros.evaluation.recording import read_recording
from simdist_ros.messages import topics
from simdist_ros.messages.to_messages import joint_command_from_msg, stamp_ns
from simdist_ros.transitions.bags.reader import bag_info

from .running import observed, running_graph

pytestmark = pytest.mark.realtime

MS = 1_000_000
PERIOD_NS = 20 * MS
MAX_GAP_NS = 4 * PERIOD_NS  # a longer one leads to damping, as it should
ATTEMPTS = 3


def values_of(tick: DiagnosticArray) -> dict[str, str]:
    return {pair.key: pair.value for pair in tick.status[0].values}


class Walk:
    """What is heard of a walk while it goes on."""

    def __init__(self, observer):
        self.observer = observer
        self.truth = observer.listen(Odometry, topics.GROUND_TRUTH)
        self.commands = observer.listen(JointTrajectory, topics.JOINT_COMMAND)
        self.plans = observer.listen(DiagnosticArray, topics.PLANNER_TICK)
        self.ticks = observer.listen(DiagnosticArray, topics.SUPERVISOR_TICK)

    def position(self) -> np.ndarray:
        position = self.truth[-1].pose.pose.position
        return np.array([position.x, position.y])

    def walk_on(self, distance_m: float, what: str) -> None:
        """Wait until it has come further by a distance from where it is now."""
        now = time.time_ns()
        self.observer.until(lambda: self.truth and stamp_ns(self.truth[-1]) > now, 'it is seen')
        start = self.position()
        self.until(lambda: np.linalg.norm(self.position() - start) > distance_m, what)

    def until(self, condition, what: str):
        """Wait for what a robot can do only on its feet; return the condition's value."""
        began = time.time_ns()

        def holds():
            modes = {values_of(tick)['mode'] for tick in self.ticks[-1:]}
            assert modes <= {'follow'}, f'it has fallen, in vain to wait until {what}'
            assert self.longest_gap_ns(began) <= MAX_GAP_NS, 'the machine is too busy'
            return condition()

        return self.observer.until(holds, what)

    def tick_after(self, stamp: int, **wanted: str) -> DiagnosticArray | None:
        """Return the first decision after a stamp that has the values wanted."""
        for tick in self.ticks:
            if stamp_ns(tick) > stamp and wanted.items() <= values_of(tick).items():
                return tick
        return None

    def longest_gap_ns(self, since: int = 0, until: int = 2**63) -> int:
        """Return the longest time between two states of the stand-in."""
        stamps = [stamp_ns(truth) for truth in self.truth if since <= stamp_ns(truth) <= until]
        return int(np.diff(stamps).max(initial=0))


class Story:
    """Walk, kill the planner, walk on, kill the logger, walk on, press Ctrl-C."""

    def __init__(self, folder, model):
        arguments = ('--model', str(model), '--mode', 'realtime', '--set', 'planner.backend=torch')
        arguments += ('--vx', '0.5', '--set', 'planner.mppi.num_iterations=0')
        self.failure, self.since_ns = None, 0
        with running_graph(folder, *arguments) as self.graph, observed(self.graph.domain) as seen:
            self.walk = Walk(seen)
            try:
                self.live()
            except AssertionError as error:
                self.failure = error

    def kept_time(self) -> bool:
        """Tell whether the stand-in did, without which nobody else can."""
        return self.walk.longest_gap_ns(self.since_ns) <= MAX_GAP_NS

    def live(self):
        walk, graph = self.walk, self.graph
        walk.walk_on(0.4, 'it walks')
        self.since_ns = time.time_ns()
        self.killed_ns = graph.kill('planner')
        self.stand = walk.until(
            lambda: walk.tick_after(self.killed_ns, action='stand'), 'the supervisor acts'
        )
        self.resumed = walk.until(
            lambda: walk.tick_after(stamp_ns(self.stand), action='follow_plan', late='0'),
            'the planner plans again',
        )
        self.ended = walk.tick_after(stamp_ns(self.stand), action='follow_plan')  # late or not
        walk.walk_on(0.4, 'it walks again')
        self.logger_killed_ns = graph.kill('transition_logger')
        walk.walk_on(0.3, 'it walks without a logger')
        graph.interrupt_twice()
        self.code = graph.wait()


@pytest.fixture(scope='module')
def events(published_model, tmp_path_factory):
    """Try again where the machine was too busy for realtime; a failure without that is one."""
    folder = tmp_path_factory.mktemp('killed')
    for attempt in range(ATTEMPTS):
        story = Story(folder / f'graph{attempt}', published_model)
        if story.kept_time():
            break
    if not story.kept_time():
        pytest.skip(f'the stand-in could not keep time in {ATTEMPTS} attempts: machine too busy')
    if story.failure is not None:
        raise story.failure
    return story


@pytest.fixture(scope='module')
def robot():
    return load_robot('go2')


def test_without_a_planner_the_safe_action_comes_within_100_ms(events):
    values = values_of(events.stand)
    assert values['fault'] == 'stale_plan'
    began = stamp_ns(events.stand)
    gap_ns = events.walk.longest_gap_ns(events.killed_ns - 100 * MS, began)
    late_ns = max(0, gap_ns - PERIOD_NS)  # no fault of the supervisor
    assert began - events.killed_ns <= 100 * MS + late_ns
    last = max(stamp_ns(plan) for plan in events.walk.plans if stamp_ns(plan) < began)
    assert 0 < began - last <= 100 * MS + late_ns


def test_the_safe_action_is_the_stop_pose_and_no_frozen_target(events, robot):
    began, ended = stamp_ns(events.stand), stamp_ns(events.ended)
    stop = robot.per_joint('stand') + robot.per_joint('stop_offset')
    distance = {
        stamp_ns(message): np.abs(joint_command_from_msg(robot, message).position - stop).max()
        for message in events.walk.commands
        if began <= stamp_ns(message) < ended
    }
    held = [distance[stamp] for stamp in sorted(distance) if stamp > began + 60 * MS]
    assert len(held) > 10
    assert max(held) < 0.02
    assert distance[min(distance)] > 0.1  # it was somewhere else


def test_the_commands_never_stop_coming(events):
    stamps = [stamp_ns(message) for message in events.walk.commands]
    around = [s for s in stamps if events.killed_ns - 1000 * MS < s < events.killed_ns + 1000 * MS]
    assert np.diff(around).max() <= MAX_GAP_NS + 3 * PERIOD_NS


def test_the_robot_does_not_fall_and_walks_on_with_a_new_planner(events, robot):
    position, angle = {}, {}
    for message in events.walk.truth:
        pose = message.pose.pose
        position[stamp_ns(message)] = np.array([pose.position.x, pose.position.y, pose.position.z])
        q = pose.orientation
        angle[stamp_ns(message)] = tilt(projected_gravity(np.array([q.w, q.x, q.y, q.z])))
    assert min(place[2] for place in position.values()) > robot.fallen_height_m
    assert max(angle.values()) < robot.max_tilt_rad
    resumed = min(stamp for stamp in position if stamp >= stamp_ns(events.resumed))
    way = position[max(position)] - position[resumed]
    assert np.linalg.norm(way[:2]) > 0.5
    said = events.graph.stderr.read_text()
    assert '[planner] ended with exit code -9; starting it again' in said


def test_the_bag_of_a_killed_logger_is_readable_up_to_the_break(events, robot):
    info = bag_info(events.graph.bag)
    assert info.is_cut_off
    recording = read_recording(events.graph.bag, robot)
    lost_ns = events.logger_killed_ns - max(recording.joint_pos)
    assert lost_ns < 2000 * MS
    known = [s for s in recording.joint_pos if stamp_ns(events.resumed) < s]
    assert len(known) > 20


def test_walking_goes_on_without_a_logger(events):
    assert 'the others go on' in events.graph.stderr.read_text()
    after = [tick for tick in events.walk.ticks if stamp_ns(tick) > events.logger_killed_ns]
    walked = [values_of(tick)['action'] == 'follow_plan' for tick in after]
    assert sum(walked) > 0.5 * len(walked) > 10  # a busy machine has late plans, with or without


def test_the_run_ends_cleanly_with_a_report_of_what_was_recorded(events):
    assert events.code == 0, events.graph.stderr.read_text()
    assert events.graph.report.is_file()
