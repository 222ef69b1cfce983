"""From bags and a model to an adapted model: read, finetune, test, write."""

from __future__ import annotations

import copy
import dataclasses
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np

from simdist_ros.adaptation.behaviour import behaviour_of, believed, take
from simdist_ros.adaptation.finetune import FinetuneData, FinetuneResult, finetune
from simdist_ros.adaptation.gate import GateData, check_plans, judge
from simdist_ros.adaptation.lineage import original
from simdist_ros.adaptation.nominal_walks import NominalWalks, nominal_walks
from simdist_ros.adaptation.settings import FinetuneSettings, GateSettings, NominalSettings
from simdist_ros.adaptation.verdict import Verdict
from simdist_ros.adaptation.whole_windows import windows_of
from simdist_ros.core.errors import ConfigError, SimdistError
from simdist_ros.embodiment.robot import Robot
from simdist_ros.jobs.folder_lock import lock_folder
from simdist_ros.transitions.assembly import AssemblySettings
from simdist_ros.transitions.bags.read_episodes import BagEpisodes, read_bags
from simdist_ros.transitions.shards.dataset import open_dataset
from simdist_ros.transitions.shards.replay import InMemoryEpisodes, Role, episodes_by_role
from simdist_ros.transitions.training_windows import HasShards, WindowSampler, split_episodes
from simdist_ros.world_model.architecture import Architecture
from simdist_ros.world_model.model import WorldModel
from simdist_ros.world_model.store.checkpoint import LoadedModel, check_destination, save_model

__all__ = [
    'AdaptData',
    'Adaptation',
    'adapt',
    'adapt_from_bags',
    'check_enough',
    'data_of_episodes',
    'write',
]

FEWEST_EPISODES = 3
REFERENCE_SHARE, MOST_REFERENCE = 0.2, 400  # of the pretraining episodes
NOTHING_KNOWN = NominalWalks(missing='none was given')


@dataclass(frozen=True, kw_only=True)
class AdaptData:
    """All data of an adaptation.

    Attributes:
        finetune: Windows for training and early stopping.
        gate: Windows of the test split.
        about: Where they come from, plain values for the manifest.
    """

    finetune: FinetuneData
    gate: GateData
    about: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Adaptation:
    """A candidate and what was found of it.

    Attributes:
        result: Of the finetuning; its model is the candidate.
        verdict: Of the gate.
        belief: About the robot, in words; empty where there is none.
    """

    result: FinetuneResult
    verdict: Verdict
    belief: str = ''


def adapt_from_bags(
    parent: LoadedModel,
    robot: Robot,
    bags: Sequence[Path],
    out: Path,
    *,
    settings: FinetuneSettings,
    gate: GateSettings,
    assembly: AssemblySettings,
    nominal: NominalSettings,
    rehearsal: Path | None = None,
    reference: Sequence[Path] = (),
    overwrite: bool = False,
    say: Callable[[str], None] = print,
) -> Adaptation:
    """Finetune a model on bags, gate the candidate and write it, accepted or refused.

    The parent is only read. The manifest of the candidate is written last, so that a process that
    is killed leaves no model, or a whole one.

    Args:
        parent: The model to adapt.
        robot: Whose model and bags they are.
        bags: What the robot lived through.
        out: Folder of the adapted model.
        settings: Of the training.
        gate: What is required of the candidate.
        assembly: How messages become episodes.
        nominal: Walks to rehearse and to measure forgetting on, where no `rehearsal` is given.
        rehearsal: Folder of pretraining transitions: part of them for training, part to measure
            forgetting.
        reference: Bags to measure forgetting on, instead.
        overwrite: Replace a model that `out` holds.
        say: Prints a line of progress.

    Raises:
        SimdistError: A bag, the data or the folder cannot be used.
    """
    with lock_folder(out):
        check_destination(out, overwrite=overwrite)
        read = read_bags(bags, robot, assembly)
        for bag in read:
            say('\n'.join(bag.lines()))
        episodes = InMemoryEpisodes(tuple(e for bag in read for e in bag.episodes))
        check_enough(episodes.numbers)
        known = known_walks(parent, robot, rehearsal, nominal, say)
        data = data_of_episodes(
            episodes,
            episodes.numbers,
            parent.model.architecture,
            known=known,
            reference=reference_windows(reference, robot, assembly, parent.model.architecture),
            about={'bags': [about_bag(bag) for bag in read]},
        )
        adaptation = adapt(parent, robot, data, settings, gate, say)
        write(out, parent, robot, adaptation, settings, gate, data.about, overwrite=overwrite)
        say(f'{adaptation.verdict.reason}; wrote {out}')
        return adaptation


def known_walks(
    parent: LoadedModel,
    robot: Robot,
    rehearsal: Path | None,
    nominal: NominalSettings,
    say: Callable[[str], None],
) -> NominalWalks:
    """Return what must not be forgotten: given, or walked in the nominal world."""
    if rehearsal is None:
        return nominal_walks(parent, robot, nominal, say)
    return pretraining_walks(rehearsal, robot, parent.model.architecture)


def data_of_episodes(
    episodes: HasShards,
    numbers: Sequence[int],
    architecture: Architecture,
    *,
    known: NominalWalks = NOTHING_KNOWN,
    reference: WindowSampler | None = None,
    about: dict[str, Any] | None = None,
) -> AdaptData:
    """Give each episode its role.

    Args:
        episodes: From bags or from a replay.
        numbers: How many episodes came before each, ever.
        architecture: Sizes of the model.
        known: Windows of what the model could do before, for training, and others for testing.
        reference: Windows to measure forgetting on; they go before those of `known`.
        about: Where all that comes from.

    Raises:
        ConfigError: There are too few episodes.
    """
    check_enough(numbers)
    roles = episodes_by_role(numbers)
    train, stop, judging = (
        windows_of(episodes, roles[role], architecture)
        for role in (Role.TRAIN, Role.STOP, Role.JUDGE)
    )
    return AdaptData(
        finetune=FinetuneData(train=train, stop=stop, rehearsal=known.rehearsed),
        gate=GateData(
            judge=judging, reference=reference or known.judging, no_reference=known.missing
        ),
        about={
            **(about or {}),
            'episodes': {role.value: len(roles[role]) for role in Role},
            'windows': {'train': len(train), 'stop': len(stop), 'judge': len(judging)},
        },
    )


def check_enough(numbers: Sequence[int]) -> None:
    """Refuse episodes that are too few for all roles.

    Args:
        numbers: As in `data_of_episodes`.

    Raises:
        ConfigError: They are.
    """
    if len(numbers) < FEWEST_EPISODES:
        raise ConfigError(
            f'the data hold {len(numbers)} of the {FEWEST_EPISODES} episodes that are needed, for '
            'training, early stopping and the test split; record a longer run'
        )


def adapt(
    parent: LoadedModel,
    robot: Robot,
    data: AdaptData,
    settings: FinetuneSettings,
    gate: GateSettings,
    say: Callable[[str], None] = lambda line: None,
) -> Adaptation:
    """Finetune and gate; nothing is written.

    Raises:
        ConfigError: The data hold no windows or are not finite.
    """
    result = finetune(parent.model, data.finetune, settings, say)
    rate = result.num_steps / max(result.seconds, 1e-9)
    say(
        f'{settings.method}: {result.num_steps} steps at {rate:.0f}/s, best at step '
        f'{result.best_step}: error on the early-stopping split {result.error_before:.5f} -> '
        f'{result.error_after:.5f}; {result.ended}'
    )
    first = original_model(parent, robot, say)
    new = behaviour_of(parent, first, robot, data.finetune, settings, gate, say)
    take(result.model, new)
    kind = 'action' if settings.method == 'policy' else 'latent'
    verdict = judge(
        parent.model,
        result.model,
        robot,
        data.gate,
        gate,
        kind=kind,
        seed=settings.seed,
        original=first,
    )
    verdict = Verdict(verdict.checks, new.checks)
    if verdict.takes_behaviour and not verdict.takes_dynamics:
        with_old = copy.deepcopy(parent.model)
        take(with_old, new)
        plans = check_plans(parent.model, with_old, robot, data.gate.judge, gate, settings.seed)
        plans = dataclasses.replace(plans, name='plans_with_old_dynamics')
        verdict = Verdict(verdict.checks, (*new.checks, plans))
        if verdict.takes_behaviour:
            result = dataclasses.replace(result, model=with_old)
    for check in (*verdict.checks, *verdict.behaviour):
        say(f'  {check.name}: {"passed" if check.passed else "FAILED"}, {check.sentence}')
    return Adaptation(result, verdict, believed(result.model, new))


def original_model(
    parent: LoadedModel, robot: Robot, say: Callable[[str], None]
) -> WorldModel | None:
    """Return the model that the parent's line began with; None if it is the parent, or is lost."""
    try:
        found = original(parent, robot)
    except SimdistError as error:
        say(f'what was forgotten since the first adaptation was not measured: {error}')
        return None
    return None if found is parent else found.model


def write(
    out: Path,
    parent: LoadedModel,
    robot: Robot,
    adaptation: Adaptation,
    settings: FinetuneSettings,
    gate: GateSettings,
    about: dict[str, Any],
    *,
    overwrite: bool = False,
) -> None:
    """Write the candidate beside its parent, which it names by hash and by path."""
    result, verdict = adaptation.result, adaptation.verdict
    save_model(
        out,
        result.model,
        robot=robot.name,
        created_by=f'simdist finetune, {settings.method}',
        parent=os.path.relpath(parent.folder.resolve(), out.resolve()),
        metrics=verdict.figures,
        adaptation={
            'method': settings.method,
            'made': datetime.now(timezone.utc).isoformat(timespec='seconds'),
            **about,
            **({'belief': adaptation.belief} if adaptation.belief else {}),
            'num_steps': result.num_steps,
            'best_step': result.best_step,
            'ended': result.ended,
            'verdict': verdict.as_plain(),
            'settings': {'finetune': asdict(settings), 'gate': asdict(gate)},
        },
        overwrite=overwrite,
    )


def pretraining_walks(folder: Path, robot: Robot, architecture: Architecture) -> NominalWalks:
    """Return windows of the pretraining data for training, and others for testing."""
    dataset = open_dataset(folder, robot, checks_hashes=False)
    learned, kept = split_episodes(
        dataset.num_episodes, REFERENCE_SHARE, seed=0, most=MOST_REFERENCE
    )
    return NominalWalks(
        rehearsed=windows_of(dataset, learned, architecture),
        judging=windows_of(dataset, kept, architecture),
    )


def reference_windows(
    bags: Sequence[Path], robot: Robot, assembly: AssemblySettings, architecture: Architecture
) -> WindowSampler | None:
    """Return the windows of all episodes of some bags."""
    if not bags:
        return None
    read = read_bags(bags, robot, assembly)
    episodes = InMemoryEpisodes(tuple(e for bag in read for e in bag.episodes))
    if not episodes.episodes:
        raise ConfigError(
            'the reference bags hold no episode in which plans were followed; record others'
        )
    return windows_of(episodes, np.arange(len(episodes.episodes)), architecture)


def about_bag(bag: BagEpisodes) -> dict[str, Any]:
    """Return what a manifest says of a bag."""
    return {
        'path': str(bag.bag.resolve()),
        'world': bag.notes.get('world', ''),
        'transitions': bag.num_transitions,
        'episodes': len(bag.episodes),
        'discarded': dict(bag.discarded),
    }
