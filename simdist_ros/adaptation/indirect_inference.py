"""A belief by which simulated robots are identified as the real one was.

An identifier is a regression: the worse a fault, the milder it is told, and faults that look alike
are mixed. What it tells of simulated robots is wrong in the same way. So a belief is sought with
which a simulated robot, that walks as the real one did, is identified as the real one was. That is
indirect inference (Gourieroux, Monfort and Renault, 1993).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from simdist_ros.adaptation.believed_robot import IGNORES, Behaviour, space_of
from simdist_ros.adaptation.believed_walks import BatchWalks
from simdist_ros.adaptation.identification import LIMIT, SPACING, identify, newest_episodes
from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.robot import Robot
from simdist_ros.pretraining.recipe import load_recipe
from simdist_ros.sim.batch.known_robots import KnownRobots
from simdist_ros.transitions.training_windows import WindowSampler
from simdist_ros.world_model.identifier import Identifier

__all__ = ['explaining', 'fall_share', 'goals_of', 'identified_in_simulation', 'refined']

Array = NDArray[np.floating[Any]]
Say = Callable[[str], None]
Identify = Callable[[Array], tuple[Array, Array]]

ROBOTS = 6  # of each candidate
SECONDS = 8.0  # that they walk
SEED = 4_000_000
AHEAD = (0.0, 0.25, 0.5, 1.0)  # how far candidates go on by what the best one explains too little
FIRST = 0.5  # of the belief, by which the first candidates go on: it mostly tells too little
SHORTER = 0.25  # of the way, where no candidate was better


def refined(
    belief: Tensor,
    identifier: Identifier,
    walker: Behaviour,
    robot: Robot,
    walks: Sequence[WindowSampler],
    *,
    newest: int,
    rounds: int,
    say: Say,
) -> Tensor:
    """Return the belief that explains some walks best, (belief_dim,).

    Args:
        belief: What the identifier tells of these walks.
        identifier: In evaluation mode.
        walker: Who acted in them.
        robot: Who walked.
        walks: The walks.
        newest: Steps of walking that were looked at, the last ones.
        rounds: How often candidates are tried.
        say: Prints a line about it.

    Returns:
        The belief as it is, where there is no simulator to try candidates in.
    """
    if not rounds:
        return belief
    episodes = newest_episodes(walks, newest)
    goals, fell = goals_of(episodes), fall_share(episodes, SECONDS / robot.period_s)

    def identify_as(candidates: Array) -> tuple[Array, Array]:
        return identified_in_simulation(candidates, identifier, walker, robot, goals)

    try:
        found = explaining(belief.numpy().astype(float), identify_as, fell, rounds, say)
    except ModuleNotFoundError as error:
        say(f'the belief was not tried in simulation: {error.name} is not installed')
        return belief
    except ConfigError as error:
        say(f'the belief was not tried in simulation: {error}')
        return belief
    return torch.from_numpy(found.astype(np.float32))


def explaining(
    identified: Array, identify_as: Identify, fell: float, rounds: int, say: Say
) -> Array:
    """Seek the belief with which robots are identified as the real one was, (belief_dim,).

    Args:
        identified: What was identified of the real robot, (belief_dim,).
        identify_as: Takes what is true of simulated robots, (C, belief_dim), and returns what is
            identified of them, NaN where nothing can be, and which share of them fell, (C,).
        fell: Share of the real walks, as long as those, that ended in a fall.
        rounds: How often.
        say: Prints a line about it.
    """
    best, way = identified, FIRST * identified
    first = least = math.inf
    for number in range(rounds):
        candidates = np.clip(best + np.array(AHEAD)[:, None] * way, -LIMIT, LIMIT)
        told, fallen = identify_as(candidates)
        wrong = np.linalg.norm(identified - told, axis=1) + np.abs(fallen - fell)
        wrong[~np.isfinite(wrong)] = math.inf
        nearest = int(np.argmin(wrong))
        least = float(wrong[nearest])
        if number == 0:
            first = float(wrong[0])
        if not math.isfinite(least):  # nobody walks for long enough to be identified
            break
        best = candidates[nearest]
        way = SHORTER * way if nearest == 0 and number else identified - told[nearest]
    say(
        f'as it is believed, a simulated robot is identified with an error of {first:.2f}; with '
        f'what explains the walks best, {least:.2f}'
    )
    return best


def identified_in_simulation(
    candidates: Array,
    identifier: Identifier,
    walker: Behaviour,
    robot: Robot,
    goals: Array,
) -> tuple[Array, Array]:
    """Let robots walk of which candidates are true, and identify them.

    Args:
        candidates: (C, belief_dim).
        identifier: In evaluation mode.
        walker: Who acts.
        robot: Who walks.
        goals: What the robots of each candidate are asked for, (ROBOTS, command_dim).

    Returns:
        What is identified, (C, belief_dim), NaN where none walks for a window; and the share that
        fell, (C,).

    Raises:
        ConfigError: Beliefs about this robot have other numbers.
    """
    recipe = load_recipe(robot)
    space = space_of(robot, recipe, candidates.shape[1])
    true = np.repeat(candidates, ROBOTS, axis=0)
    walks = BatchWalks(
        robot,
        recipe,
        KnownRobots(space=space, belief=true, ignores=IGNORES),
        list(goals),
        num_robots=len(true),
        seconds=SECONDS,
        seed=SEED,
        plan_delay_steps=walker.expert.plan_delay_steps,
        identifier=identifier,
    )
    told = None if walker.belief is None else walker.belief.numpy()
    logged, lasted = walks.log(walker.expert.network, told, walker.doubt)
    steps = identifier.window_steps
    found = np.full(candidates.shape, np.nan)
    for number in range(len(candidates)):
        windows = [
            logged[robot_number, begin : begin + steps]
            for robot_number in range(number * ROBOTS, (number + 1) * ROBOTS)
            for begin in range(0, lasted[robot_number] - steps + 1, SPACING)
        ]
        if windows:
            found[number] = identify(identifier, np.stack(windows)).numpy()
    fallen = (lasted < walks.num_steps).reshape(len(candidates), ROBOTS).mean(axis=1)
    return found, fallen


def goals_of(episodes: Sequence[tuple[WindowSampler, int]]) -> Array:
    """Return what a robot was asked for in its walks, evenly over time, (ROBOTS, command_dim)."""
    asked = []
    for walk, episode in episodes:
        table = walk.table.take(np.array([episode]))
        rows = table.state[:, None] + np.arange(table.num_steps[0])
        asked.append(walk.read('commands', table.shard, rows)[0])
    every = np.concatenate(asked)
    chosen = (np.arange(ROBOTS) + 0.5) * len(every) / ROBOTS
    return np.asarray(every[chosen.astype(int)], dtype=float)


def fall_share(episodes: Sequence[tuple[WindowSampler, int]], steps: float) -> float:
    """Return which share of walks of so many steps would end in a fall, by those that did."""
    falls = sum(bool(walk.table.terminated[episode]) for walk, episode in episodes)
    walked = sum(int(walk.table.num_steps[episode]) for walk, episode in episodes)
    return 1.0 - math.exp(-falls * steps / max(1, walked))
