"""What a belief about a fault is worth: experts walk robots with faults, told this or that."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.belief_faults import FAULTS, NOTHING, fault_parameters
from benchmarks.belief_walks import (
    Learning,
    Outcome,
    PairedBatch,
    Walkers,
    repeated,
    walk,
)
from benchmarks.options import BenchmarkOptions
from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.robot import load_robot
from simdist_ros.evaluation.intervals import mean_interval
from simdist_ros.pretraining.expert.files import EXPERT, load_actor
from simdist_ros.pretraining.expert.networks import belief_space, mirror_of_beliefs
from simdist_ros.pretraining.recipe import load_recipe
from simdist_ros.world_model.expert import ExpertNetwork
from simdist_ros.world_model.identifier import Identifier
from simdist_ros.world_model.model import WorldModel
from simdist_ros.world_model.store.checkpoint import find_model, load_model

F32 = NDArray[np.float32]

PLAIN_MODEL = 'go2'
SPEEDS = (1.0, 0.5)
SECONDS = 10.0
FIRST_SEED = 7700
LEARNING_SEED = 100
LEARNING_S, LEARNING_MPS, RENEWED_S = 60.0, 0.5, 10.0
EXPERT_ALONE, EXPERT_PI = 'expert', 'expert + PI'
NO_BELIEF, MIRRORED, LEARNED, TRUE = 'belief 0', 'mirrored', 'learned', 'true'
REPAIRED = 'repaired, learned'  # a robot without the fault, of which it was learned
METHODS = (EXPERT_ALONE, EXPERT_PI, NO_BELIEF, MIRRORED, LEARNED, TRUE, REPAIRED)


class Comparison:
    """All faults, methods and seeds of one model, a batch at each speed."""

    def __init__(self, options: BenchmarkOptions) -> None:
        """Load who walks.

        Raises:
            SimdistError: A model is missing, or it has no expert with beliefs or no identifier.
        """
        self.robot = load_robot('go2')
        self.recipe = load_recipe(self.robot)
        model = load_model(find_model(options.model), self.robot).model
        plain = load_model(find_model(PLAIN_MODEL), self.robot).model
        self.plain, self.believing = network_of(plain), network_of(model)
        if options.expert is not None:
            self.believing = load_actor(options.expert / EXPERT, self.robot, self.recipe)
        self.identifier = identifier_of(model, options.model, self.believing)
        self.seeds, self.seconds = options.seeds, options.seconds or SECONDS
        self.faults = [fault_parameters(self.robot, self.recipe, name) for name in FAULTS]
        self.space = belief_space(self.robot, self.recipe)
        rows = repeated(self.faults, np.arange(len(self.faults)))
        self.truth = self.space.of(rows)

    def steps(self, seconds: float) -> int:
        """Return control steps."""
        return round(seconds * self.robot.control_rate_hz)

    def learn(self) -> tuple[F32, NDArray[np.intp]]:
        """Walk for a minute and return the beliefs learned, (faults, seeds, size), and falls."""
        count = len(FAULTS)
        index = np.repeat(np.arange(count), self.seeds)
        seeds = np.tile(np.arange(self.seeds), count)
        steps, none = self.steps(LEARNING_S), np.zeros(len(index), dtype=bool)
        env = PairedBatch(
            self.robot,
            self.recipe,
            repeated(self.faults, index),
            seeds,
            steps=steps,
            first_seed=LEARNING_SEED,
        )
        beliefs = np.zeros((len(index), self.space.size), dtype=np.float32)
        speed = np.full(len(index), LEARNING_MPS)
        walkers = Walkers(self.plain, self.believing, none, none, beliefs, speed)
        learning = Learning(self.identifier, walkers, self.steps(RENEWED_S))
        walk(env, walkers, steps, learning)
        learned = learning.beliefs().reshape(count, self.seeds, -1)
        return learned, learning.falls.reshape(count, self.seeds)

    def told(self, method: str, fault: int, learned: F32) -> F32:
        """Return what a method believes of a fault, (seeds, size)."""
        if method in (LEARNED, REPAIRED):
            return learned[fault]
        belief = torch.zeros(self.space.size)
        if method in (TRUE, MIRRORED):
            belief = torch.from_numpy(self.truth[fault])
        if method == MIRRORED:
            belief = mirror_of_beliefs(self.robot, self.recipe)(belief)
        return np.tile(belief.numpy(), (self.seeds, 1))

    def compare(self, speed: float, learned: F32) -> dict[tuple[str, str], Outcome]:
        """Return how each fault and method walks, by their names; a value for each seed."""
        names = list(FAULTS)
        cases = list(itertools.product(range(len(names)), METHODS))
        methods = np.repeat([method for _, method in cases], self.seeds)
        real = [names.index(NOTHING) if m == REPAIRED else fault for fault, m in cases]
        steps = self.steps(self.seconds)
        env = PairedBatch(
            self.robot,
            self.recipe,
            repeated(self.faults, np.repeat(real, self.seeds)),
            np.tile(np.arange(self.seeds), len(cases)),
            steps=steps,
            first_seed=FIRST_SEED,
        )
        walkers = Walkers(
            self.plain,
            self.believing,
            is_plain=np.isin(methods, (EXPERT_ALONE, EXPERT_PI)),
            has_pi=methods == EXPERT_PI,
            beliefs=np.concatenate([self.told(method, i, learned) for i, method in cases]),
            speed=np.full(len(methods), speed),
        )
        found = walk(env, walkers, steps)
        parts = {name: values.reshape(len(cases), -1) for name, values in vars(found).items()}
        return {
            (names[fault], method): Outcome(**{name: v[i] for name, v in parts.items()})
            for i, (fault, method) in enumerate(cases)
        }


def network_of(model: WorldModel) -> ExpertNetwork:
    """Return the expert of a model.

    Raises:
        ConfigError: It carries none.
    """
    if model.expert is None:
        raise ConfigError('beliefs: the model carries no expert; choose another with --model')
    return model.expert.network


def identifier_of(model: WorldModel, name: str, expert: ExpertNetwork) -> Identifier:
    """Return the identifier of a model whose expert takes beliefs.

    Raises:
        ConfigError: The expert takes none, or the model carries no identifier.
    """
    if expert.belief is None or model.identifier is None:
        raise ConfigError(
            f'beliefs: {name} needs an expert that takes beliefs and an identifier; '
            'choose another model, such as --model go2_beliefs'
        )
    return model.identifier.eval()


def measure(options: BenchmarkOptions) -> list[dict[str, Any]]:
    """Return one row for each speed and fault, and the means over the faults."""
    torch.set_num_threads(1)
    comparison = Comparison(options)
    learned, falls = comparison.learn()
    rows = []
    for speed in options.speeds or SPEEDS:
        found = comparison.compare(speed, learned)
        for fault, name in enumerate(FAULTS):
            of_fault = {method: found[name, method] for method in METHODS}
            fallen = round(float(falls[fault].mean()), 1)
            about = {'speed': speed, 'fault': name, 'falls while learning': fallen}
            rows.append({**about, **row_of(of_fault)})
        rows.append(
            {
                'speed': speed,
                'fault': 'mean, falls',
                'falls while learning': round(float(falls.mean()), 1),
                **means_of([{m: found[name, m] for m in METHODS} for name in FAULTS]),
            }
        )
    return rows


def row_of(found: dict[str, Outcome]) -> dict[str, Any]:
    """Return what one fault comes to: reward per second, metres and falls of each method."""
    cells = {
        method: f'{o.reward_per_s.mean():.2f}, {o.progress_m.mean():.1f} m, {o.fell.sum()}'
        for method, o in found.items()
    }
    walks = [{method: {k: v.tolist() for k, v in vars(o).items()}} for method, o in found.items()]
    return {
        **cells,
        'learned beyond expert + PI': beyond(found[LEARNED], found[EXPERT_PI]),
        'learned beyond belief 0': beyond(found[LEARNED], found[NO_BELIEF]),
        'walks': walks,
    }


def beyond(one: Outcome, other: Outcome) -> str:
    """Return how much more is earned on the same seeds, with a 95 % interval."""
    gained = mean_interval(one.reward_per_s - other.reward_per_s)
    return f'{gained.mean:+.2f} ({gained.low:+.2f} .. {gained.high:+.2f})'


def means_of(rows: Sequence[dict[str, Outcome]]) -> dict[str, Any]:
    """Return the means over all faults, each counting alike; intervals are over the seeds."""
    joined = {
        method: Outcome(
            reward_per_s=np.mean([row[method].reward_per_s for row in rows], axis=0),
            progress_m=np.mean([row[method].progress_m for row in rows], axis=0),
            fell=np.sum([row[method].fell for row in rows], axis=0),
        )
        for method in METHODS
    }
    count = sum(len(row[EXPERT_ALONE].fell) for row in rows)
    found = row_of(joined)
    for method, outcome in joined.items():
        found[method] = f'{outcome.reward_per_s.mean():.2f}, {outcome.fell.sum()} of {count}'
    return found
