"""Episodes out of bags, ours or any that recorded the same topics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from simdist_ros.core.errors import BagError
from simdist_ros.embodiment.robot import Robot
from simdist_ros.messages.topic_names import (
    JOINT_STATES,
    MODE,
    SUPERVISOR_TICK,
    TYPES,
    find_namespaces,
)
from simdist_ros.tasks.choice import task_of
from simdist_ros.transitions.assembly import AssemblySettings, TransitionAssembler, needed_topics
from simdist_ros.transitions.bags.content import BagInfo
from simdist_ros.transitions.bags.reader import bag_info, read_bag
from simdist_ros.transitions.episode import Episode

__all__ = ['BagEpisodes', 'read_bag_episodes', 'read_bags']


@dataclass(frozen=True, kw_only=True)
class BagEpisodes:
    """What one bag gave.

    Attributes:
        bag: Its path.
        episodes: In the order they were recorded.
        discarded: Transitions that were not kept, by reason.
        losses: What the recording lacks, in words: its end, damaged parts, promised messages.
        notes: What its writer noted, e.g. world and model.
        can_fail: Whether an episode may end in a fall.
    """

    bag: Path
    episodes: tuple[Episode, ...]
    discarded: Counter[str]
    losses: str
    notes: dict[str, str]
    can_fail: bool = True

    @property
    def num_transitions(self) -> int:
        """Transitions kept."""
        return sum(episode.num_steps for episode in self.episodes)

    def line(self) -> str:
        """Say in a line what was kept and what was not."""
        fallen = sum(episode.terminated for episode in self.episodes)
        falls = f', {fallen} falls' if self.can_fail else ''
        parts = [f'{count} {reason}' for reason, count in self.discarded.most_common()]
        ending = f', {self.losses}' if self.losses else ''
        return (
            f'{self.bag}: {self.num_transitions} transitions in {len(self.episodes)} episodes'
            f'{falls}; discarded: {", ".join(parts) or "none"}{ending}'
        )

    def lines(self) -> list[str]:
        """Say what was kept, and below it each reason with the count of what was not."""
        if not self.discarded:
            return [self.line()]
        kept, _, _ = self.line().partition('; discarded: ')
        width = max(len(str(count)) for count in self.discarded.values())
        rows = [f'  {count:{width}}  {reason}' for reason, count in self.discarded.most_common()]
        return [f'{kept}; discarded:', *rows, *([f'  {self.losses}'] if self.losses else [])]


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
    settings = settings or AssemblySettings()
    names = robot_topics(info, robot, settings.namespace)
    assembler = TransitionAssembler(robot, settings)
    episodes: list[Episode] = []
    for entry in read_bag(bag, [name for name in names if name in info.topics], info):
        episodes += assembler.add(names[entry.topic], entry.message)
    why = assembler.why_no_state()
    episodes += assembler.finish()
    if not episodes and assembler.first_misfit:
        raise BagError(
            f'bag {str(bag)!r} does not fit robot {robot.name!r}: {assembler.first_misfit}'
        )
    if not episodes and why:
        raise BagError(
            f'bag {str(bag)!r} gives no transitions: {why}; have its driver stamp it by the same '
            'clock and record again'
        )
    return BagEpisodes(
        bag=bag,
        episodes=tuple(episodes),
        discarded=assembler.discarded,
        losses=info.losses,
        notes=dict(info.custom_data),
        can_fail=task_of(robot).can_fail,
    )


def robot_topics(info: BagInfo, robot: Robot, namespace: str = '') -> dict[str, str]:
    """Return the name that each topic of the robot has in the bag, with ours.

    Raises:
        BagError: The bag is of another robot, of several, or a topic is missing or of another
            type.
    """
    bag = str(info.path)
    if not info.message_count:
        raise BagError(f'bag {bag!r} holds no messages; record another one')
    recorded = info.custom_data.get('robot', robot.name)
    if recorded != robot.name:
        raise BagError(
            f'bag {bag!r} is of robot {recorded!r}, expected {robot.name!r}; choose a bag of '
            'this robot, or give the robot of the bag with --robot NAME or --robot PATH'
        )
    needed = needed_topics(robot)
    before = chosen_namespace(info, needed, namespace)
    for name in needed:
        topic = info.topics.get(before + name)
        if topic is None or not topic.count:
            raise BagError(
                f'bag {bag!r} holds nothing on {before + name}; record '
                f'{", ".join(needed)} and {SUPERVISOR_TICK}'
            )
    found = {before + name: name for name in (*needed, SUPERVISOR_TICK, MODE)}
    for full, name in found.items():
        topic = info.topics.get(full)
        if topic is not None and topic.type not in TYPES[name]:
            raise BagError(
                f'bag {bag!r}: topic {full} is of type {topic.type or "unknown"}, expected '
                f'{" or ".join(TYPES[name])}'
            )
    return found


def chosen_namespace(info: BagInfo, needed: Sequence[str], namespace: str) -> str:
    """Return what stands before the robot's topics, with its slashes.

    Raises:
        BagError: There are several robots and none was chosen, or there is none.
    """
    bag = str(info.path)
    if namespace:
        return f'/{namespace.strip("/")}/'.replace('//', '/')
    found = find_namespaces([n for n, topic in info.topics.items() if topic.count], needed)
    if len(found) > 1:
        raise BagError(
            f'bag {bag!r} holds the topics of several robots, in {", ".join(found)}; choose one '
            'with --set bags.namespace=NAME'
        )
    if not found:
        raise BagError(f'bag {bag!r} holds no {JOINT_STATES}; record {", ".join(needed)}')
    return found[0]
