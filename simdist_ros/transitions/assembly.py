"""Transitions out of the robot's raw topics: the one definition, for a live robot and for bags."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.core.errors import ConfigError
from simdist_ros.core.settings import Settings, setting
from simdist_ros.embodiment.robot import Robot
from simdist_ros.embodiment.sensors import SENSORS, sensors_of
from simdist_ros.messages.from_messages import (
    READERS,
    joint_command_from_msg,
    odometry_from_msg,
    stamp_ns,
    wanted_from_msg,
)
from simdist_ros.messages.stamp_sorter import Stamped, StampSorter
from simdist_ros.messages.state_assembler import StateAssembler, apart
from simdist_ros.messages.topic_names import (
    COMMAND_VELOCITY,
    GOAL,
    JOINT_COMMAND,
    JOINT_STATES,
    MODE,
    ODOM,
    SUPERVISOR_TICK,
)
from simdist_ros.tasks.choice import task_of
from simdist_ros.transitions.episode import Episode
from simdist_ros.transitions.episode_cutter import EpisodeCutter

__all__ = ['AssemblySettings', 'TransitionAssembler', 'make_cutter', 'needed_topics']

Array = NDArray[np.floating[Any]]

CLOCK_JUMP_NS = 1_000_000_000  # a stamp this far behind the newest is of another clock
# Of one stamp, what was asked for and seen comes first; the joints complete a state; what was done
# about it follows.
RANKS = {
    COMMAND_VELOCITY: 0,
    GOAL: 0,
    **{sensor.topic: 1 for sensor in SENSORS.values()},
    JOINT_STATES: 2,
    JOINT_COMMAND: 3,
    SUPERVISOR_TICK: 4,
    MODE: 4,
}
PART_OF = {sensor.topic: name for name, sensor in SENSORS.items()}


@dataclass(frozen=True, kw_only=True)
class AssemblySettings(Settings):
    """How recorded messages become episodes."""

    episode_s: float = setting(
        4.0, 'Longest episode; a longer run gives several, so that some can be held out.',
        unit='s', low=0.2,
    )  # fmt: skip
    min_episode_s: float = setting(1.0, 'Shortest episode worth keeping.', unit='s', low=0.04)
    height_map_max_age_s: float = setting(
        0.01, 'How far the stamp of the height map may be from the state.', unit='s', low=0.0
    )
    reorder_s: float = setting(
        0.2, 'How late a message may come after others with later stamps.', unit='s', low=0.0
    )
    namespace: str = setting(
        '', 'Of the robot, e.g. /robot_a; needed only for a bag that holds several.'
    )

    def __post_init__(self) -> None:
        """Check what concerns more than one setting."""
        super().__post_init__()
        if self.min_episode_s > self.episode_s:
            raise ConfigError(
                f'AssemblySettings.min_episode_s is {self.min_episode_s}; it must not exceed '
                f'episode_s {self.episode_s}'
            )


def make_cutter(robot: Robot, settings: AssemblySettings) -> EpisodeCutter:
    """Return what cuts states and commands into episodes, wherever they come from."""
    return EpisodeCutter(
        robot,
        min_steps=round(settings.min_episode_s * robot.control_rate_hz),
        max_steps=round(settings.episode_s * robot.control_rate_hz),
    )


def needed_topics(robot: Robot) -> tuple[str, ...]:
    """Return the topics without which there are no transitions."""
    sensors = tuple(SENSORS[name].topic for name in sensors_of(robot))
    return (*sensors, task_of(robot).topic, JOINT_COMMAND)


class TransitionAssembler:
    """Takes messages one by one and returns the episodes that they complete.

    The actions are the joint commands that were really sent, never plans. Nothing is interpolated:
    where something is missing, an episode ends and another one begins. The mode is that of the
    supervisor's ticks, else of the topic ``mode``; where neither is recorded, all counts as
    walking.

    Attributes:
        discarded: Transitions that were not kept, by reason.
        first_misfit: What was wrong with the first message that does not fit the robot.
        clock_offsets_s: How far the stamps of topics are from those of the joints, for topics that
            follow another clock [s].
    """

    def __init__(self, robot: Robot, settings: AssemblySettings) -> None:
        """Begin with nothing."""
        self.robot, self._task = robot, task_of(robot)
        self.first_misfit = ''
        self.cutter = make_cutter(robot, settings)
        self.discarded: Counter[str] = self.cutter.discarded
        half_period = robot.period_ns // 2
        parts = sensors_of(robot)
        tolerance = dict.fromkeys(parts, half_period)
        tolerance['height_map'] = max(half_period, round(1e9 * settings.height_map_max_age_s))
        self._parts, self._tolerance = parts, tolerance
        self._order = StampSorter(round(1e9 * settings.reorder_s))
        self._has_ticks = False
        self.clock_offsets_s: dict[str, float] = {}
        self._restart()

    def _restart(self) -> None:
        """Forget all that was measured."""
        self._newest: dict[str, int] = {}  # stamp of each topic [ns]
        self._behind_ns: int | None = None  # stamp of joints that came after later ones
        self._num_joints, self._joints_ns = 0, 0
        self._apart: dict[str, int] = {}  # by topic, number of joints when it was far off
        self._states = StateAssembler(self._parts, self.robot.period_ns, self._tolerance)
        self._command = self._task.first_command()
        self._position = np.full(3, np.nan)

    def add(self, topic: str, message: Any) -> list[Episode]:
        """Take in one message.

        Args:
            topic: Its name without the robot's namespace; others than those needed are ignored,
                those of other tasks and of sensors that the robot does not have too.
            message: As received or as read from a bag.

        Returns:
            The episodes that are complete now, often none.
        """
        if topic not in RANKS or PART_OF.get(topic, 'joints') not in self._parts:
            return []
        if RANKS[topic] == 0 and topic != self._task.topic:
            return []
        try:
            values = self._read(topic, message)
        except ConfigError as error:
            self.first_misfit = self.first_misfit or str(error)
            self.discarded['message does not fit the robot'] += 1
            return []
        newest = self._order.newest_ns
        stamp = self._stamp(topic, message, newest)
        if stamp is None:  # before anything was measured
            return self._take(Stamped(0, 0, 0, topic, values))
        done: list[Episode] = []
        if self._clock_was_set_back(topic, stamp):
            done = self.finish('clock jump')
        if topic != self._task.topic and self._is_of_another_clock(topic, stamp):
            if topic not in self.clock_offsets_s:
                self.clock_offsets_s[topic] = 1e-9 * (stamp - self._joints_ns)
                done += self.finish('clock jump')  # undoes what it did to the order
            self.discarded[f'message of another clock on {topic}'] += 1
            return done
        self._newest[topic] = max(stamp, self._newest.get(topic, stamp))
        due = self._order.put(stamp, RANKS[topic], topic, *values)
        if due is None:
            self.discarded['message came too late'] += 1
            if topic in PART_OF:
                self._states.offset_ns[PART_OF[topic]] = stamp - self._joints_ns
            return done
        return done + [episode for one in due for episode in self._take(one)]

    def finish(self, reason: str = '') -> list[Episode]:
        """End the recording, or begin anew for a reason; return the episodes left."""
        done = [episode for one in self._order.flush() for episode in self._take(one)]
        self._restart()
        return done + self.cutter.cut(reason)

    def _clock_was_set_back(self, topic: str, stamp: int) -> bool:
        """Tell whether a topic's stamps begin anew: far back, or the joints' twice in succession.

        A single one behind the newest came late; two that go on from each other are of a clock
        that was set back by less than it takes to be plain.
        """
        newest = self._newest.get(topic, stamp)
        if topic == JOINT_STATES:
            before, self._behind_ns = self._behind_ns, None
            if stamp < newest - self.robot.period_ns // 2:
                self._behind_ns = stamp
                if before is not None and before < stamp:
                    return True
        return stamp < newest - CLOCK_JUMP_NS

    def _is_of_another_clock(self, topic: str, stamp: int) -> bool:
        """Tell whether a topic's stamps stay away from the joints', not only for one of them."""
        if topic == JOINT_STATES:
            self._num_joints += 1
            self._joints_ns = stamp
            return False
        if not self._num_joints:
            return topic in self.clock_offsets_s
        if abs(stamp - self._joints_ns) <= CLOCK_JUMP_NS:
            self._apart.pop(topic, None)
            return False
        return self._num_joints - self._apart.setdefault(topic, self._num_joints) >= 2

    def why_no_state(self) -> str:
        """Say which topic keeps the states from being complete; empty if none does."""
        for topic, offset_s in self.clock_offsets_s.items():
            return f'{topic} is stamped {apart(offset_s)} {JOINT_STATES}'
        return self._states.why_unjoined()

    def _stamp(self, topic: str, message: Any, newest_ns: int | None) -> int | None:
        """Return when a message counts [ns]; None for at once.

        The mode and a Twist have no stamp of their own, and commands may be of another machine's
        clock.
        """
        if topic == MODE or not hasattr(message, 'header'):
            return newest_ns
        stamp = stamp_ns(message)
        if topic != self._task.topic:
            return stamp
        if newest_ns is None or abs(stamp - newest_ns) > CLOCK_JUMP_NS:
            return newest_ns
        return stamp

    def _read(self, topic: str, message: Any) -> tuple[Any, ...]:
        """Return the values of a message; raise `ConfigError` if it does not fit the robot."""
        if topic == ODOM:
            return odometry_from_msg(message)
        if topic in PART_OF:
            return READERS[PART_OF[topic]](self.robot, message)
        if topic == self._task.topic:
            return (wanted_from_msg(self._task, message),)
        if topic == JOINT_COMMAND:
            return (joint_command_from_msg(self.robot, message),)
        if topic == SUPERVISOR_TICK:
            self._has_ticks = True
            return (tick_mode(message),)
        return (str(getattr(message, 'data', '')),)

    def _take(self, one: Stamped) -> list[Episode]:
        """Act on a message whose turn has come."""
        state = None
        if one.kind == ODOM:
            self._position, linear = one.values
            state = self._states.add('odom', one.stamp_ns, linear)
        elif one.kind in PART_OF:
            state = self._states.add(PART_OF[one.kind], one.stamp_ns, *one.values)
        elif one.kind == self._task.topic:
            self._take_command(one.values[0])
        elif one.kind == JOINT_COMMAND:
            self.cutter.note_command(one.values[0])
        elif one.kind == SUPERVISOR_TICK or not self._has_ticks:
            self.cutter.mode = one.values[0]
        if state is None:
            return []
        return self.cutter.add(state, self._command, self._position)

    def _take_command(self, command: Array) -> None:
        """Note what is asked for, as the planner understands it: clipped, NaN ignored."""
        accepted = self._task.accepted(command) if np.isfinite(command).all() else None
        if accepted is not None:
            self._command = accepted


def tick_mode(message: Any) -> str:
    """Return the mode in a supervisor's tick, or an empty text."""
    pairs = message.status[0].values if len(message.status) else ()
    return next((str(pair.value) for pair in pairs if pair.key == 'mode'), '')
