"""Episodes out of bags, ours or any that recorded the same topics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from simdist_ros.core.errors import BagError
from simdist_ros.core.robot import Robot
from simdist_ros.transitions.assembly import AssemblySettings, TransitionAssembler, needed_topics
from simdist_ros.transitions.bag_content import BagInfo
from simdist_ros.transitions.bag_reader import bag_info, read_bag
from simdist_ros.transitions.episode import Episode
from simdist_ros.transitions.topic_names import (
    JOINT_STATES,
    MODE,
    SUPERVISOR_TICK,
    find_namespace,
)

__all__ = ['BagEpisodes', 'read_bag_episodes', 'read_bags']


@dataclass(frozen=True, kw_only=True)
class BagEpisodes:
    """What one bag gave.

    Attributes:
        bag: Its path.
        episodes: In the order they were recorded.
        discarded: Transitions that were not kept, by reason.
        is_cut_off: Whether the recording lacks its end.
        notes: What its writer noted, e.g. world and model.
    """

    bag: Path
    episodes: tuple[Episode, ...]
    discarded: Counter[str]
    is_cut_off: bool
    notes: dict[str, str]

    @property
    def num_transitions(self) -> int:
        """Transitions kept."""
        return sum(episode.num_steps for episode in self.episodes)

    def line(self) -> str:
        """Say in a line what was kept and what was not."""
        falls = sum(episode.terminated for episode in self.episodes)
        parts = [f'{count} {reason}' for reason, count in self.discarded.most_common()]
        ending = ', recording cut off' if self.is_cut_off else ''
        return (
            f'{self.bag}: {self.num_transitions} transitions in {len(self.episodes)} episodes, '
            f'{falls} falls; discarded: {", ".join(parts) or "none"}{ending}'
        )


def read_bags(
    bags: Sequence[Path], robot: Robot, settings: AssemblySettings | None = None
) -> list[BagEpisodes]:
    """Read several bags, each on its own.

    Raises:
        BagError: One is named twice, or cannot be read, or is of another robot.
    """
    real = [bag.resolve() for bag in bags]
    for bag, path in zip(bags, real, strict=True):
        if real.count(path) > 1:
            raise BagError(f'bag {str(bag)!r} is named twice; name each bag once')
    return [read_bag_episodes(bag, robot, settings) for bag in bags]


def read_bag_episodes(
    bag: Path, robot: Robot, settings: AssemblySettings | None = None
) -> BagEpisodes:
    """Read the episodes of one bag; of one that was cut off, what there is.

    Raises:
        BagError: It cannot be read, lacks a topic, or is of another robot.
    """
    info = bag_info(bag)
    names = robot_topics(info, robot)
    assembler = TransitionAssembler(robot, settings or AssemblySettings())
    episodes: list[Episode] = []
    for entry in read_bag(bag, [name for name in names if name in info.topics]):
        episodes += assembler.add(names[entry.topic], entry.message)
    episodes += assembler.finish()
    if not episodes and assembler.first_misfit:
        raise BagError(
            f'bag {str(bag)!r} does not fit robot {robot.name!r}: {assembler.first_misfit}'
        )
    return BagEpisodes(
        bag=bag,
        episodes=tuple(episodes),
        discarded=assembler.discarded,
        is_cut_off=info.is_cut_off,
        notes=dict(info.custom_data),
    )


def robot_topics(info: BagInfo, robot: Robot) -> dict[str, str]:
    """Return the name that each topic of the robot has in the bag, with ours.

    Raises:
        BagError: The bag is of another robot, or a topic is missing.
    """
    bag = str(info.path)
    if not info.message_count:
        raise BagError(f'bag {bag!r} holds no messages; record another one')
    recorded = info.custom_data.get('robot', robot.name)
    if recorded != robot.name:
        raise BagError(
            f'bag {bag!r} is of robot {recorded!r}, expected {robot.name!r}; choose a bag of '
            'this robot'
        )
    namespace = find_namespace(list(info.topics))
    if namespace is None:
        raise BagError(
            f'bag {bag!r} must hold just one topic {JOINT_STATES!r}, of one robot; record that'
        )
    needed = needed_topics(robot)
    for name in needed:
        topic = info.topics.get(namespace + name)
        if topic is None or not topic.count:
            raise BagError(
                f'bag {bag!r} holds nothing on {namespace + name}; record '
                f'{", ".join(needed)} and {SUPERVISOR_TICK}'
            )
    return {namespace + name: name for name in (*needed, SUPERVISOR_TICK, MODE)}
