"""A robot as a belief describes it, in simulation: its walks, and practice as it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from simdist_ros.adaptation.believed_walks import BatchWalks, Doubt, Walked
from simdist_ros.adaptation.fault_detection import fit_detector
from simdist_ros.adaptation.settings import FinetuneSettings, GateSettings
from simdist_ros.core.atomic import write_atomic
from simdist_ros.core.cache import cache_folder
from simdist_ros.core.errors import ConfigError, SimdistError
from simdist_ros.embodiment.belief import BeliefSpace
from simdist_ros.embodiment.robot import Robot
from simdist_ros.jobs.folder_lock import lock_folder
from simdist_ros.pretraining.expert.networks import belief_space
from simdist_ros.pretraining.expert.practice import Practice, practice, practice_settings
from simdist_ros.pretraining.presets import ExpertSettings
from simdist_ros.pretraining.recipe import Recipe
from simdist_ros.sim.batch.known_robots import KnownRobots
from simdist_ros.tasks.choice import task_of
from simdist_ros.world_model.expert import Expert
from simdist_ros.world_model.identifier import Identifier
from simdist_ros.world_model.model import WorldModel
from simdist_ros.world_model.store.verify import read_expert

__all__ = ['Behaviour', 'BelievedRobot', 'space_of', 'walk']

Array = NDArray[np.floating[Any]]

VERSION = 4  # of practice; a change makes what was begun before unknown
IGNORES = 0.2  # numbers about feet, lag and load that say no more than that nothing was seen
# Identification is uncertain, and as a regression answers rather too little than too much: of
# worlds with 0.22 of all torques and 0.15 of a leg's it tells 1.2 and 1.4 times too little.
BLUR_SCALE, BLUR_NOISE = (0.8, 1.25), 0.1
HEALTHY_EVERY = 4  # of so many robots that practise one is healthy: until it is doubted


@dataclass(frozen=True)
class Behaviour:
    """An expert and what it is told.

    Attributes:
        expert: That takes beliefs.
        belief: (belief_dim,); None is zeros.
        name: In a line of text.
        detector: Of what tells whether a robot is as believed; None: it is taken to be.
        usual: Who acts, told nothing, in one that is not; None: the same expert.
    """

    expert: Expert
    belief: Tensor | None
    name: str = ''
    detector: Tensor | None = None
    usual: Expert | None = None

    @property
    def doubt(self) -> Doubt:
        """What is done about robots that are not as believed."""
        return Doubt(self.detector, None if self.usual is None else self.usual.network)

    def undoubted(self) -> Behaviour:
        """Return the same for a robot that is known to be as believed."""
        return dataclasses.replace(self, detector=None)

    def is_like(self, other: Behaviour) -> bool:
        """Tell whether it does the same as another."""
        one, two = (numbers(b.belief, b.expert.belief_dim) for b in (self, other))
        if self.expert.content != other.expert.content or not np.array_equal(one, two):
            return False
        return same(self.detector, other.detector) and (
            self.detector is None or content_of(self.usual) == content_of(other.usual)
        )


def same(one: Tensor | None, other: Tensor | None) -> bool:
    """Tell whether two detectors are equal, or there is none."""
    if one is None or other is None:
        return one is other
    return torch.equal(one, other)


def content_of(expert: Expert | None) -> bytes:
    """Return the file of an expert; empty for none."""
    return b'' if expert is None else expert.content


def numbers(belief: Tensor | None, size: int) -> Array:
    """Return a belief as an array, zeros for none."""
    return np.zeros(size) if belief is None else belief.numpy().astype(float)


def space_of(robot: Robot, recipe: Recipe, size: int) -> BeliefSpace:
    """Return what the numbers of a belief about a robot mean.

    Raises:
        ConfigError: A belief has not so many.
    """
    space = belief_space(robot, recipe)
    if size != space.size:
        raise ConfigError(
            f'a belief about {robot.name!r} has {space.size} numbers, and the identifier tells '
            f'{size}'
        )
    return space


class BelievedRobot:
    """A robot as a belief describes it, in simulation."""

    def __init__(
        self,
        robot: Robot,
        recipe: Recipe,
        belief: Array,
        gate: GateSettings,
        plan_delay_steps: int,
        identifier: Identifier | None = None,
    ) -> None:
        """Take what is believed, (belief_dim,), and what detects whether it holds.

        Raises:
            ConfigError: The belief has not the numbers of this robot.
        """
        self.identifier = identifier
        self.robot, self.recipe, self.belief, self.gate = robot, recipe, belief, gate
        self.space = space_of(robot, recipe, len(belief))
        self.plan_delay_steps = plan_delay_steps

    def robots(self, healthy_every: int = 0) -> KnownRobots:
        """Return what a batch of such robots is drawn from: each is about as believed.

        Args:
            healthy_every: Of so many robots one is healthy; 0: none is.
        """
        return KnownRobots(
            space=self.space,
            belief=self.belief,
            healthy_every=healthy_every,
            scale=BLUR_SCALE,
            noise=BLUR_NOISE,
            ignores=IGNORES,
        )

    def walks(self, seed: int, *, healthy: bool = False) -> BatchWalks:
        """Return walks of such robots, or of healthy ones, that follow the task's commands."""
        return BatchWalks(
            self.robot,
            self.recipe,
            None if healthy else self.robots(),
            task_of(self.robot).practice(),
            num_robots=self.gate.num_walks,
            seconds=self.gate.rollout_s,
            seed=seed,
            plan_delay_steps=self.plan_delay_steps,
            identifier=self.identifier,
        )

    def doubting(self, behaviour: Behaviour, usual: Expert, seed: int) -> Behaviour:
        """Return a behaviour that is another where its robot does not move as believed.

        What tells is fitted to how such robots and healthy ones move, with either of the two.

        Args:
            behaviour: For the robot that is believed in.
            usual: Who acts, told nothing, in one that is not.
            seed: Of the walks.
        """
        belief = numbers(behaviour.belief, self.space.size)
        other = Behaviour(usual, None)
        if self.identifier is None or behaviour.is_like(other):
            return behaviour
        pairs = ((usual.network, None), (behaviour.expert.network, belief))
        faulty, healthy = (
            [walks.log(*pair) for pair in pairs]
            for walks in (self.walks(seed), self.walks(seed, healthy=True))
        )
        others = self.walks(seed + 1).log(*pairs[1])
        found = fit_detector(self.identifier, faulty, healthy, others)
        return dataclasses.replace(behaviour, detector=found, usual=usual)

    def practise(
        self,
        start: Behaviour,
        settings: FinetuneSettings,
        model: WorldModel,
        say: Callable[[str], None],
    ) -> Behaviour | None:
        """Train an expert on as such a robot, told what it is told; None if that fails.

        What an interrupted process has done is taken up by the next that does the same.

        Args:
            start: What to begin with.
            settings: With the steps of practice.
            model: For which the expert is.
            say: Prints a line of progress.
        """
        told = numbers(start.belief, self.space.size).astype(np.float32)
        about = practice_settings(settings.practice_steps, settings.seed)
        folder = cache_folder('practice') / self.key(start, about)
        before, after = folder / 'before.safetensors', folder / 'after.safetensors'
        try:
            with lock_folder(folder):
                folder.mkdir(exist_ok=True)
                write_atomic(before, start.expert.content)
                training = Practice(
                    self.robot,
                    self.recipe,
                    about,
                    folder / 'training',
                    before,
                    self.robots(HEALTHY_EVERY),
                    told,
                    self.plan_delay_steps,
                )
                practice(training, after, say)
                expert = read_expert(after.read_bytes(), after, model.architecture)
                shutil.rmtree(folder)
        except (SimdistError, OSError) as error:
            say(f'the practice came to nothing, the expert stays as it was: {error}')
            return None
        return Behaviour(expert, start.belief, f'practised, {start.name}')

    def key(self, start: Behaviour, settings: ExpertSettings) -> str:
        """Return a hash of all that decides what comes of practice."""
        about = {
            'version': VERSION,
            'plan_delay_steps': self.plan_delay_steps,
            'robot': dataclasses.asdict(dataclasses.replace(self.robot, source=Path())),
            'recipe': self.recipe.as_mapping(),
            'settings': dataclasses.asdict(settings),
            'believed': self.belief.tolist(),
            'told': numbers(start.belief, self.space.size).tolist(),
            'expert': hashlib.sha256(start.expert.content).hexdigest(),
        }
        text = json.dumps(about, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def walk(walks: BatchWalks, behaviour: Behaviour) -> Walked:
    """Walk as a behaviour says."""
    belief = None if behaviour.belief is None else behaviour.belief.numpy()
    return walks.walk(behaviour.expert.network, belief, behaviour.doubt)
