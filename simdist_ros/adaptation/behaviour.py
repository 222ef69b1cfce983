"""What a robot does about a belief: which expert acts, what it is told, and who judges that.

A belief is tried in a simulator of the robot that it describes, before it is used: the expert
walks there told none of it, half or all; then it practises there; and what came of it walks again,
as a healthy robot too, for robots are repaired.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from torch import Tensor

from simdist_ros.adaptation.behaviour_gate import NewBehaviour, gain, judge_behaviour
from simdist_ros.adaptation.believed_robot import Behaviour, BelievedRobot, walk
from simdist_ros.adaptation.believed_walks import BatchWalks, Walked
from simdist_ros.adaptation.finetune import FinetuneData
from simdist_ros.adaptation.identification import identified
from simdist_ros.adaptation.settings import FinetuneSettings, GateSettings
from simdist_ros.adaptation.verdict import Check
from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.robot import Robot
from simdist_ros.pretraining.recipe import load_recipe
from simdist_ros.world_model.expert import Expert
from simdist_ros.world_model.model import WorldModel

__all__ = ['behaviour_of', 'choose', 'new_behaviour', 'options', 'take']

Say = Callable[[str], None]

SHARES = {'belief 0': 0.0, 'half': 0.5, 'whole': 1.0}  # of the belief, what an expert may be told
ENOUGH = 0.95  # of what a healthy robot earns; who earns it has nothing to practise
CHOICE, USUAL = 1_000_000, 1_500_000  # first seeds of walks


def behaviour_of(
    parent: WorldModel,
    first: WorldModel | None,
    robot: Robot,
    data: FinetuneData,
    settings: FinetuneSettings,
    gate: GateSettings,
    say: Callable[[str], None],
) -> NewBehaviour:
    """Identify the robot, and find out what to do about it; see `new_behaviour`."""
    belief = identified(parent, (data.train, data.stop), settings, robot.period_s, say)
    if belief is None or parent.expert is None:
        return NewBehaviour(None)
    if not belief.isfinite().all():  # for the gate to refuse: from it there are no plans
        return NewBehaviour(Behaviour(parent.expert, belief))
    return new_behaviour(parent, first, belief, robot, settings, gate, say)


def take(model: WorldModel, new: NewBehaviour) -> None:
    """Give a model the expert and the belief that were found, if any."""
    if new.behaviour is not None:
        model.expert, model.belief = new.behaviour.expert, new.behaviour.belief


def new_behaviour(
    parent: WorldModel,
    original: WorldModel | None,
    belief: Tensor,
    robot: Robot,
    settings: FinetuneSettings,
    gate: GateSettings,
    say: Say = lambda line: None,
) -> NewBehaviour:
    """Find out what to do about a belief: what to tell which expert, after practice.

    Args:
        parent: The model that runs; its expert takes beliefs.
        original: The model that its line began with; None if it is the parent.
        belief: What its robot is believed to be, (belief_dim,).
        robot: Whose model it is.
        settings: With the steps of practice.
        gate: What is required of it.
        say: Prints a line of progress.

    Returns:
        The belief as it is, unjudged, where there is no simulator to try it in.
    """
    assert parent.expert is not None
    as_told = Behaviour(parent.expert, belief, 'whole')
    try:
        believed = BelievedRobot(
            robot,
            load_recipe(robot),
            belief.numpy().astype(float),
            gate,
            parent.expert.plan_delay_steps,
        )
        return found_by_walks(believed, parent, original, belief, settings, say)
    except ModuleNotFoundError as error:
        missing = f'{error.name} is not installed'
    except ConfigError as error:
        missing = str(error)
    told = f'no walks of the robot that is believed in: {missing}; the belief was not judged'
    say(told)
    return NewBehaviour(as_told, (Check('believed_walks', True, told),))


def found_by_walks(
    believed: BelievedRobot,
    parent: WorldModel,
    original: WorldModel | None,
    belief: Tensor,
    settings: FinetuneSettings,
    say: Say,
) -> NewBehaviour:
    """Choose, practise and judge, see `new_behaviour`."""
    assert parent.expert is not None
    before = Behaviour(parent.expert, parent.belief, 'before')
    first = original.expert if original is not None and original.expert is not None else None
    healthy = Behaviour(first or parent.expert, None, 'healthy')
    seed = settings.seed
    choice = believed.walks(CHOICE + seed)
    chosen, earned = choose(options(parent.expert, first, belief), choice, say)
    found = [chosen]
    usual = believed.walks(USUAL + seed, healthy=True).walk(healthy.expert.network, None)
    if settings.practice_steps and np.mean(earned.reward) < ENOUGH * np.mean(usual.reward):
        practised = believed.practise(chosen, settings, parent, say)
        found += [] if practised is None else [practised]
    return judge_behaviour(believed, before, healthy, found, seed, say)


def options(expert: Expert, first: Expert | None, belief: Tensor) -> list[Behaviour]:
    """Return what there is to choose from, the least unusual first.

    Args:
        expert: Of the parent.
        first: Of the model that its line began with, if that is another one; it counts where it
            takes such beliefs.
        belief: (belief_dim,).
    """
    sizes = {one.belief_dim for one in (first, expert) if one is not None}
    is_other = first is not None and first.content != expert.content and len(sizes) == 1
    found = []
    for name, share in SHARES.items():
        told = share * belief
        if is_other:
            assert first is not None
            found.append(Behaviour(first, told, f'first expert, {name}'))
        found.append(Behaviour(expert, told, name))
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
        if earned is None or gain(walked, earned).low > 0.0:
            best, earned = one, walked
    assert earned is not None
    say(f'believed walks: {", ".join(told)} a second; {best.name} is used')
    return best, earned
