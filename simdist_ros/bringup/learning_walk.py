"""The part of the demonstration in which the robot learns while it walks."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from simdist_ros.adaptation.lineage import list_models
from simdist_ros.bringup.graph import GraphOptions
from simdist_ros.core.errors import SimdistError
from simdist_ros.core.values import MAX_SEED
from simdist_ros.embodiment.robot import Robot
from simdist_ros.evaluation.recording import Recording, read_recording
from simdist_ros.evaluation.report import Report

__all__ = ['DATA_S', 'LEARNING', 'Lessons', 'learn', 'model_at_the_end', 'why_no_model']

DATA_S = 60.0
MOST_TRAININGS = 4
MOST_WALKS = 3
LEARNING = {  # it ends with an event, not with a time
    'finetuner': {
        'trigger.every_s': DATA_S,
        'longest_training_s': 1800.0,
        'end.after_swaps': 1,
        'end.after_trainings': MOST_TRAININGS,
        'end.walk_on_s': 20.0,
    },
}


@dataclass(frozen=True)
class Lessons:
    """What learning came to.

    Attributes:
        model: Folder of the model that planned in the end.
        recording: Of the walk in which it was learned.
        falls: Of all walks.
    """

    model: Path
    recording: Recording
    falls: int


def learn(
    walk: GraphOptions,
    robot: Robot,
    folder: Path,
    run: Callable[[GraphOptions, Path], Report],
    tell: Callable[[str], None] = print,
) -> Lessons:
    """Walk until an adapted model plans; after a fall that left none, walk again.

    Args:
        walk: What to run; each walk has the next seed.
        robot: Who walks.
        folder: Where the walks' folders go, and ``models``.
        run: Runs a graph to its end, with its files in a folder.
        tell: Prints a line.

    Raises:
        SimdistError: No adapted model planned in the end.
    """
    models, falls = folder / 'models', 0
    for number in range(1, MOST_WALKS + 1):
        options = dataclasses.replace(
            walk,
            seed=(walk.seed + number) % (MAX_SEED + 1),
            duration_s=0.0,
            finetune=True,
            models=str(models),
        )
        place = folder / ('learning' if number == 1 else f'learning_{number}')
        place.mkdir()
        report = run(options, place)
        falls += report.falls
        recording = read_recording(place / 'bag', robot)
        last = recording.planner[max(recording.planner)]
        model = model_at_the_end(models, last['model_identity'])
        if model is not None:
            return Lessons(model, recording, falls)
        why = why_no_model(models, falls)
        if not report.falls or number == MOST_WALKS:
            break
        tell(f'{why}; once more, from another start')
    raise SimdistError(f'{why}; see {report.bag} and the logs beside it')


def model_at_the_end(models: Path, identity: str) -> Path | None:
    """Return the folder of the model that made the last plan; None if it is none of these.

    Args:
        models: Folder of those that were adapted.
        identity: Of the model that is looked for.
    """
    for entry in list_models(models) if models.is_dir() else []:
        if entry.manifest is not None and entry.manifest.identity == identity:
            return entry.folder
    return None


def why_no_model(models: Path, falls: int) -> str:
    """Say why no adapted model plans in the end.

    Args:
        models: Folder of those that were adapted.
        falls: How often the robot fell meanwhile.
    """
    manifests = [entry.manifest for entry in list_models(models)] if models.is_dir() else []
    verdicts = [m.adaptation.get('verdict', {}) for m in manifests if m is not None]
    if not verdicts:
        why = 'no training came to an end; the warnings above say why'
    elif any(verdict.get('accepted') for verdict in verdicts):
        why = 'a model was accepted, but the planner did not keep it'
    else:
        why = 'the gate rejected every adapted model'
    return f'the robot fell while it learned, and {why}' if falls else why
