"""Walks in the nominal world: what a model could do before, to rehearse and to judge by.

They are made on the spot, once for a model as it came, by that model in simulation, and kept with
other files that can be made again. Nothing of it needs the data that the model was trained on.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from simdist_ros.adaptation.lineage import original
from simdist_ros.adaptation.settings import NominalSettings
from simdist_ros.adaptation.whole_windows import windows_of
from simdist_ros.core.cache import cache_folder
from simdist_ros.core.errors import ConfigError, SimdistError
from simdist_ros.embodiment.robot import Robot
from simdist_ros.planning.planner import MIN_LEFT_STEPS
from simdist_ros.planning.settings import MppiSettings
from simdist_ros.tasks.choice import task_of
from simdist_ros.transitions.assembly import AssemblySettings
from simdist_ros.transitions.episode import Episode
from simdist_ros.transitions.shards.dataset import DatasetError, ShardWriter, open_dataset
from simdist_ros.transitions.shards.replay import InMemoryEpisodes
from simdist_ros.transitions.training_windows import WindowSampler
from simdist_ros.world_model.architecture import Architecture
from simdist_ros.world_model.store.checkpoint import LoadedModel

__all__ = ['NominalWalks', 'nominal_walks']

VERSION = 1  # of what is made; a change makes older files unknown
WORLD = 'nominal'
SEED = 77_000_000  # of the first walk; none of the benchmarks' walks has it
EXPLORE_SHARE = 0.5  # as in walks that a model is to learn from
PIECES = AssemblySettings()


@dataclass(frozen=True, kw_only=True)
class NominalWalks:
    """Windows of different walks.

    Attributes:
        rehearsed: To learn from again; None for none.
        judging: To judge by what was forgotten; None for none.
        missing: Why there are none; empty where there are.
    """

    rehearsed: WindowSampler | None = None
    judging: WindowSampler | None = None
    missing: str = ''


def nominal_walks(
    parent: LoadedModel,
    robot: Robot,
    settings: NominalSettings,
    say: Callable[[str], None] = lambda line: None,
) -> NominalWalks:
    """Read the walks, or make those that are not there; without them an adaptation goes on.

    Args:
        parent: The model to adapt; the walks are by the model that its line began with.
        robot: Whose they are.
        settings: How many.
        say: Prints a line for each walk that is made, and one if they cannot be.
    """
    if not settings.rounds:
        return NominalWalks(missing='nominal.rounds is 0')
    try:
        walks = read_or_make(original(parent, robot), robot, settings, say)
        return divide(walks, robot, settings, parent.model.architecture)
    except ModuleNotFoundError as error:
        missing = f'{error.name} is not installed'
    except (SimdistError, OSError) as error:
        missing = str(error)
    noun = task_of(robot).noun
    say(f'no {noun}s in the {WORLD} world to rehearse and to judge forgetting by: {missing}')
    return NominalWalks(missing=missing)


def is_judging(number: int, robot: Robot, settings: NominalSettings) -> bool:
    """Tell whether a walk judges, by its number: the last round of the commands does."""
    return number // len(task_of(robot).practice()) == settings.rounds - 1


def divide(
    walks: list[list[Episode]], robot: Robot, settings: NominalSettings, sizes: Architecture
) -> NominalWalks:
    """Give whole walks to the training or to the gate.

    Raises:
        ConfigError: Those that judge hold no window.
    """
    parts: dict[bool, list[Episode]] = {False: [], True: []}
    for number, episodes in enumerate(walks):
        parts[is_judging(number, robot, settings)] += episodes
    rehearsed, judging = (windows(part, sizes) for part in parts.values())
    if judging is None:
        raise ConfigError(
            f'{task_of(robot).noun}s in the {WORLD} world are too short to judge by: the '
            'model fails at once, or nominal.rollout_s is too short'
        )
    return NominalWalks(rehearsed=rehearsed, judging=judging)


def windows(episodes: list[Episode], sizes: Architecture) -> WindowSampler | None:
    """Return all windows of some episodes; None if there are none."""
    if not episodes:
        return None
    found = windows_of(InMemoryEpisodes(tuple(episodes)), np.arange(len(episodes)), sizes)
    return found if len(found) else None


def read_or_make(
    model: LoadedModel, robot: Robot, settings: NominalSettings, say: Callable[[str], None]
) -> list[list[Episode]]:
    """Return the episodes of each walk.

    Each walk has a folder of its own, which appears whole: what an interrupted process has made
    stays, and of two at once each reads what either has made.
    """
    folder = cache_folder('nominal') / key(model, robot, settings)
    task = task_of(robot)
    count = settings.rounds * len(task.practice())
    walks = []
    for number in range(count):
        place = folder / f'walk_{number:03d}'
        episodes = read(place, robot)
        if episodes is None:
            what = f'{task.noun} {number + 1} of {count} in the {WORLD} world'
            say(f'{what}, to rehearse and to judge by')
            shutil.rmtree(place, ignore_errors=True)  # damaged
            with one_thread():
                episodes = make(model, robot, settings, number)
            keep(place, robot, episodes)
        walks.append(episodes)
    return walks


def key(model: LoadedModel, robot: Robot, settings: NominalSettings) -> str:
    """Return a hash of all that decides what the walks are, but for how many there are.

    Raises:
        ConfigError: The robot's MuJoCo model is not there.
    """
    from simdist_ros.sim.scenes.world import load_world

    path = robot.mjcf_path
    if not path.is_file():
        raise ConfigError(f'{path}, the MuJoCo model of the robot, is not there')
    about: dict[str, Any] = {
        'version': VERSION,
        'model': model.manifest.identity,
        'robot': dataclasses.asdict(dataclasses.replace(robot, source=Path())),
        'mjcf': hashlib.sha256(path.read_bytes()).hexdigest(),
        'world': load_world(WORLD).as_mapping(),
        'search': dataclasses.asdict(search(model.model.architecture)),
        'pieces': dataclasses.asdict(PIECES),
        'rollout_s': settings.rollout_s,
    }
    text = json.dumps(about, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def read(place: Path, robot: Robot) -> list[Episode] | None:
    """Return the episodes of a walk; None unless they are there as they were written."""
    with suppress(DatasetError):
        return list(open_dataset(place, robot).episodes())
    return None


def make(
    model: LoadedModel, robot: Robot, settings: NominalSettings, number: int
) -> list[Episode]:
    """Walk, until a fall at most."""
    from simdist_ros.evaluation.planned_walk import PlannedWalk, episodes_of_walk, walk
    from simdist_ros.sim.scenes.world import load_world

    asked = task_of(robot).practice()
    ticks = walk(
        robot,
        model.model,
        search(model.model.architecture),
        PlannedWalk(
            world=load_world(WORLD),
            seed=SEED + number,
            command=tuple(asked[number % len(asked)].tolist()),
            seconds=settings.rollout_s,
        ),
    )
    return episodes_of_walk(robot, PIECES, ticks)


def search(sizes: Architecture) -> MppiSettings:
    """Return the default search, which tries proposals out as far as a horizon permits."""
    usual = MppiSettings(uses_belief=False)  # in this world the robot is as described
    steps = min(usual.explore_steps, sizes.horizon_steps - MIN_LEFT_STEPS)
    if steps < 1:
        return usual
    return dataclasses.replace(usual, explore_share=EXPLORE_SHARE, explore_steps=steps)


def keep(place: Path, robot: Robot, episodes: list[Episode]) -> None:
    """Write the episodes of a walk, unless another process has; without room it is not kept."""
    with suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent, prefix='.part_') as part:
            with ShardWriter(Path(part) / place.name, robot) as writer:
                for episode in episodes:
                    writer.add(episode)
            (Path(part) / place.name).rename(place)


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute in one thread, as a planner does; several would keep other processes waiting."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
