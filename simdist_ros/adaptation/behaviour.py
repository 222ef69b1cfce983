"""What a robot does about a belief: which expert acts, what it is told, and who judges that.

A belief is tried in a simulator of the robot that it describes, before it is used: the expert
walks there told none of it, half or all; then it practises there; and what came of it walks again,
as a healthy robot too, for robots are repaired.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from simdist_ros.adaptation.behaviour_gate import (
    Found,
    NewBehaviour,
    is_better,
    judge_behaviour,
)
from simdist_ros.adaptation.believed_robot import Behaviour, BelievedRobot, walk
from simdist_ros.adaptation.believed_walks import BatchWalks, Walked
from simdist_ros.adaptation.finetune import FinetuneData
from simdist_ros.adaptation.identification import belief_words, identified
from simdist_ros.adaptation.indirect_inference import refined
from simdist_ros.adaptation.lineage import first_expert
from simdist_ros.adaptation.settings import FinetuneSettings, GateSettings
from simdist_ros.adaptation.verdict import Check
from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.robot import Robot
from simdist_ros.pretraining.recipe import load_recipe
from simdist_ros.world_model.expert import Expert
from simdist_ros.world_model.model import WorldModel
from simdist_ros.world_model.store.checkpoint import LoadedModel

__all__ = ['Experts', 'behaviour_of', 'believed', 'choose', 'new_behaviour', 'options', 'take']

Say = Callable[[str], None]

SHARES = {'belief 0': 0.0, 'half': 0.5, 'whole': 1.0}  # of the belief, what an expert may be told
ENOUGH = 0.95  # of what a healthy robot earns; who earns it has nothing to practise
CHOICE, USUAL, DETECTION = 1_000_000, 1_500_000, 1_700_000  # first seeds of walks


@dataclass(frozen=True, kw_only=True)
class Experts:
    """Who may act.

    Attributes:
        present: That of the model that runs; it takes beliefs.
        first: Of the oldest model of its line that takes them too.
        healthy: Of the model that the line began with, by which a healthy robot is judged.
    """

    present: Expert
    first: Expert
    healthy: Expert


def behaviour_of(
    parent: LoadedModel,
    original: WorldModel | None,
    robot: Robot,
    data: FinetuneData,
    settings: FinetuneSettings,
    gate: GateSettings,
    say: Say,
) -> NewBehaviour:
    """Identify the robot, and find out what to do about it.

    Args:
        parent: The model that runs.
        original: The model that its line began with; None if it is the parent.
        robot: Whose they are.
        data: Of which it is identified.
        settings: Whether to, and the steps of practice.
        gate: What is required of it.
        say: Prints a line of progress.
    """
    model, walks = parent.model, (data.train, data.stop)
    belief = identified(model, walks, settings, robot.period_s, say)
    if belief is None or model.expert is None or model.identifier is None:
        return NewBehaviour(None)
    if not belief.isfinite().all():  # for the gate to refuse: from it there are no plans
        return NewBehaviour(Behaviour(model.expert, belief, 'whole'), identified=belief)
    belief = refined(
        belief,
        model.identifier,
        behaviour_before(model, model.expert),
        robot,
        walks,
        newest=round(settings.identify_s / robot.period_s),
        rounds=settings.refine_rounds,
        say=say,
    )
    say(f'belief: {belief_words(model, belief)}')
    usual = original.expert if original is not None else None
    experts = Experts(
        present=model.expert,
        first=first_expert(parent, robot) or model.expert,
        healthy=usual or model.expert,
    )
    found = new_behaviour(experts, model, belief, robot, settings, gate, say)
    return dataclasses.replace(found, identified=belief)


def behaviour_before(model: WorldModel, expert: Expert) -> Behaviour:
    """Return what a model does that acts by an expert of its own."""
    return Behaviour(expert, model.belief, 'before', model.detector, model.usual_expert)


def take(model: WorldModel, new: NewBehaviour) -> None:
    """Give a model the expert and the belief that were found, if any."""
    if new.behaviour is not None:
        model.expert, model.belief = new.behaviour.expert, new.behaviour.belief
        model.detector, model.usual_expert = new.behaviour.detector, new.behaviour.usual


def believed(model: WorldModel, new: NewBehaviour) -> str:
    """Tell in words what is believed of the robot, and how much of that its expert is told."""
    words = belief_words(model, new.identified)
    if new.identified is None:
        return words
    told = 'not used' if new.behaviour is None else new.behaviour.name
    return words if told == 'whole' else f'{words} ({told})'


def new_behaviour(
    experts: Experts,
    parent: WorldModel,
    belief: Tensor,
    robot: Robot,
    settings: FinetuneSettings,
    gate: GateSettings,
    say: Say = lambda line: None,
) -> NewBehaviour:
    """Find out what to do about a belief: what to tell which expert, after practice.

    Args:
        experts: Who may act.
        parent: The model that runs.
        belief: What its robot is believed to be, (belief_dim,).
        robot: Whose model it is.
        settings: With the steps of practice.
        gate: What is required of it.
        say: Prints a line of progress.

    Returns:
        Nothing new, refused, where there is no simulator to try a belief in: even one that is
        true can make a robot fall.
    """
    try:
        believed = BelievedRobot(
            robot,
            load_recipe(robot),
            belief.numpy().astype(float),
            gate,
            experts.present.plan_delay_steps,
            parent.identifier,
        )
        return found_by_walks(experts, believed, parent, belief, settings, say)
    except ModuleNotFoundError as error:
        missing = f'{error.name} is not installed'
    except ConfigError as error:
        missing = str(error)
    told = f'the belief is not used, for it could not be tried in simulation: {missing}'
    say(told)
    return NewBehaviour(None, (Check('believed_walks', False, told),))


def found_by_walks(
    experts: Experts,
    believed: BelievedRobot,
    parent: WorldModel,
    belief: Tensor,
    settings: FinetuneSettings,
    say: Say,
) -> NewBehaviour:
    """Choose, practise and judge, see `new_behaviour`."""
    before = behaviour_before(parent, experts.present)
    healthy = Behaviour(experts.healthy, None, 'healthy')
    seed = settings.seed
    possible = options(experts, belief)
    chosen, earned = choose(possible, believed.walks(CHOICE + seed), say)
    sound = believed.walks(USUAL + seed, healthy=True)
    usual, practised = walk(sound, healthy), None
    if settings.practice_steps and np.mean(earned.reward) < ENOUGH * np.mean(usual.reward):
        practised = believed.practise(chosen, settings, parent, say)
    found = Found(
        chosen=believed.doubting(chosen, experts.first, DETECTION + seed),
        least=possible[0],
        practised=practised and believed.doubting(practised, experts.first, DETECTION + seed),
    )
    return judge_behaviour(believed, before, healthy, found, seed, say)


def options(experts: Experts, belief: Tensor) -> list[Behaviour]:
    """Return what may be done about a belief, (belief_dim,), the least unusual first."""
    present, first = experts.present, experts.first
    found = []
    for name, share in SHARES.items():
        told = share * belief
        if first.content != present.content:
            found.append(Behaviour(first, told, f'first expert, {name}'))
        found.append(Behaviour(present, told, name))
    return found


def choose(
    found: Sequence[Behaviour], walks: BatchWalks, say: Say = lambda line: None
) -> tuple[Behaviour, Walked]:
    """Return what earns most in some walks; what is no significant gain over less is not taken.

    Args:
        found: To choose from, the least unusual first.
        walks: Of the robot.
        say: Prints a line with all results.
    """
    best, earned, told = found[0], None, []
    for one in found:
        walked = walk(walks, one)
        told.append(f'{one.name} {np.mean(walked.reward):.2f}')
        if earned is None or is_better(walked, earned):
            best, earned = one, walked
    assert earned is not None
    say(f'believed walks: {", ".join(told)} a second; {best.name} is used')
    return best, earned
