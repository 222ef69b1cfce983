"""Finetune on collected data, by the functions of ``simdist finetune``."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from pathlib import Path

from simdist_ros.adaptation.adapt import adapt, check_enough, data_of_episodes
from simdist_ros.adaptation.adapt import write as write_candidate
from simdist_ros.adaptation.nominal_walks import nominal_walks
from simdist_ros.adaptation.settings import FinetuneSettings
from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.robot import Robot
from simdist_ros.studies.collect import first_minutes
from simdist_ros.studies.jobs import Adapt
from simdist_ros.studies.settings import BenchSettings
from simdist_ros.world_model.store.checkpoint import LoadedModel, save_model

__all__ = ['AdaptResult', 'adapt_model']


@dataclass(frozen=True, kw_only=True)
class AdaptResult:
    """What came of it.

    Attributes:
        accepted: What the gate said; the model is tried whatever that was.
        reason: Why, or why nothing could be learned.
        num_steps: Gradient steps done; 0 where nothing could be learned.
        best_step: The step whose weights were kept.
        error_before: On the early-stopping split.
        error_after: The same.
        seconds: Of the gradient steps [s].
    """

    accepted: bool
    reason: str
    num_steps: int = 0
    best_step: int = 0
    error_before: float = 0.0
    error_after: float = 0.0
    seconds: float = 0.0


def finetuning_of(usual: FinetuneSettings, job: Adapt) -> FinetuneSettings:
    """Return the settings of a job's finetuning: only for `dynamics` does the expert practise.

    From the same data it would be the same practice, and it takes longer than all else.
    """
    steps = usual.practice_steps if job.method == 'dynamics' else 0
    return dataclasses.replace(usual, method=job.method, seed=job.seed, practice_steps=steps)


def adapt_model(
    robot: Robot, parent: LoadedModel, settings: BenchSettings, job: Adapt, data: Path, out: Path
) -> AdaptResult:
    """Finetune and write the model, accepted or refused.

    From data that hold too little for training, as when the robot fell at once and again, comes
    the parent itself: that is what a robot would go on with.

    Raises:
        DatasetError: The data are not there, or damaged.
        CheckpointError: `out` holds something else than a model.
    """
    episodes = first_minutes(data, robot, job.minutes)
    chosen = finetuning_of(settings.finetune, job)
    try:
        check_enough(episodes.numbers)
        known = nominal_walks(parent, robot, settings.nominal)
        learned = data_of_episodes(
            episodes, episodes.numbers, parent.model.architecture, known=known
        )
        found = adapt(parent, robot, learned, chosen, settings.gate)
    except ConfigError as error:
        above = os.path.relpath(parent.folder.resolve(), out.resolve())
        made = f'simdist bench adaptation, {job.method}: {error}'
        save_model(
            out, parent.model, robot=robot.name, created_by=made, parent=above, overwrite=True
        )
        return AdaptResult(accepted=False, reason=str(error))
    write_candidate(
        out, parent, robot, found, chosen, settings.gate, learned.about, overwrite=True
    )
    result = found.result
    return AdaptResult(
        accepted=found.verdict.accepted,
        reason=found.verdict.reason,
        num_steps=result.num_steps,
        best_step=result.best_step,
        error_before=result.error_before,
        error_after=result.error_after,
        seconds=result.seconds,
    )
