"""Prediction error of models on bags, against the horizon: table, JSON and plot."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.adaptation.whole_windows import windows_of
from simdist_ros.core.atomic import write_atomic
from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.robot import Robot
from simdist_ros.evaluation.intervals import mean_interval
from simdist_ros.evaluation.outcomes import recorded_following, slips
from simdist_ros.evaluation.prediction import column_means, predict
from simdist_ros.tasks.choice import task_of
from simdist_ros.transitions.assembly import AssemblySettings
from simdist_ros.transitions.bags.read_episodes import BagEpisodes, read_bags
from simdist_ros.transitions.shards.replay import InMemoryEpisodes
from simdist_ros.world_model.store.checkpoint import LoadedModel

__all__ = ['BagEvaluation', 'evaluate_bags', 'evaluation_lines', 'write_evaluation']

Array = NDArray[np.floating[Any]]

MOST_WINDOWS = 5000
SHOWN_STEPS = 5


@dataclass(frozen=True, kw_only=True)
class BagEvaluation:
    """Errors of one model over the variance of the latents; 0 is perfect, 1 is their mean.

    Attributes:
        model: Its folder.
        identity: Hash of its weights.
        error: At each step ahead, (T,).
        slip_error: The same in the quarter of the windows in which the robot followed its
            command worst; empty where no velocity is recorded.
        held: Of expecting that the latent stays as it is, (T,).
        mean: Over all steps, mean over the episodes.
        low: Lower end of its 95 % interval over episodes.
        high: Upper end.
        episodes: Number of episodes.
        windows: Number of windows.
        has_seen: Those of the bags that it was adapted on.
    """

    model: str
    identity: str
    error: list[float]
    slip_error: list[float]
    held: list[float]
    mean: float
    low: float
    high: float
    episodes: int
    windows: int
    has_seen: list[str]

    def as_plain(self) -> dict[str, Any]:
        """Return it for JSON, None for what is not a number."""
        return {name: plain(value) for name, value in vars(self).items()}


def plain(value: Any) -> Any:
    """Return a value that JSON can hold."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def evaluate_bags(
    models: Sequence[LoadedModel], robot: Robot, bags: Sequence[Path], assembly: AssemblySettings
) -> tuple[list[BagEvaluation], list[BagEpisodes]]:
    """Predict the windows of all bags with each model.

    Raises:
        BagError: A bag cannot be read or is of another robot.
        ConfigError: The bags hold no window.
    """
    read = read_bags(bags, robot, assembly)
    episodes = InMemoryEpisodes(tuple(e for bag in read for e in bag.episodes))
    found = []
    for loaded in models:
        if not episodes.episodes:
            raise ConfigError(
                f'the bags hold no episode in which plans were followed: {read[0].line()}'
            )
        windows = windows_of(
            episodes, np.arange(len(episodes.episodes)), loaded.model.architecture
        )
        if not len(windows):
            raise ConfigError('the bags hold no window of history and horizon; record longer runs')
        prediction = predict(loaded.model, windows, MOST_WINDOWS)
        slip_error = []
        if not task_of(robot).why_not_recorded():
            worst = slips(recorded_following(robot, windows, MOST_WINDOWS))
            slip_error = column_means(prediction.share()[worst]).tolist()
        per_episode = prediction.by_episode()
        interval = mean_interval(per_episode)
        found.append(
            BagEvaluation(
                model=str(loaded.folder),
                identity=loaded.manifest.identity,
                error=prediction.by_step().tolist(),
                slip_error=slip_error,
                held=prediction.by_step('held').tolist(),
                mean=interval.mean,
                low=interval.low,
                high=interval.high,
                episodes=len(per_episode),
                windows=len(prediction.latent),
                has_seen=seen_bags(loaded, bags),
            )
        )
    return found, read


def seen_bags(loaded: LoadedModel, bags: Sequence[Path]) -> list[str]:
    """Return those of the bags that a model was adapted on."""
    known = {bag.get('path') for bag in loaded.manifest.adaptation.get('bags', [])}
    return [str(bag) for bag in bags if str(bag.resolve()) in known]


def evaluation_lines(evaluations: Sequence[BagEvaluation]) -> list[str]:
    """Return a table, Markdown, with some steps of the horizon."""
    horizon = len(evaluations[0].error)
    steps = np.unique(np.linspace(1, horizon, min(horizon, SHOWN_STEPS)).round().astype(int))
    head = ['model', *(f'{step} ahead' for step in steps), 'mean over episodes']
    lines = ['| ' + ' | '.join(head) + ' |', '|' + '---|' * len(head)]
    rows = [(e.model, e.error, interval_text(e)) for e in evaluations]
    rows.append(('(nothing changes)', evaluations[0].held, ''))
    for name, errors, text in rows:
        cells = [name, *(f'{errors[step - 1]:.4f}' for step in steps), text]
        lines.append('| ' + ' | '.join(cells) + ' |')
    first = evaluations[0]
    lines.append('')
    lines.append(
        f'Squared error of predicted latents over their variance, {first.windows} windows of '
        f'{first.episodes} episodes, the actions as executed.'
    )
    for evaluation in evaluations:
        if evaluation.has_seen:
            lines.append(f'{evaluation.model} was adapted on {", ".join(evaluation.has_seen)}.')
    return lines


def interval_text(evaluation: BagEvaluation) -> str:
    """Return the mean with its interval."""
    if not math.isfinite(evaluation.low):
        return f'{evaluation.mean:.4f}'
    return f'{evaluation.mean:.4f} ({evaluation.low:.4f} .. {evaluation.high:.4f})'


def write_evaluation(
    folder: Path, evaluations: Sequence[BagEvaluation], read: Sequence[BagEpisodes]
) -> None:
    """Write ``evaluation.json``, ``evaluation.md`` and ``evaluation.png``.

    Raises:
        ConfigError: The folder cannot be written.
    """
    data = {
        'bags': [
            {
                'path': str(bag.bag),
                'transitions': bag.num_transitions,
                'episodes': len(bag.episodes),
                'discarded': dict(bag.discarded),
            }
            for bag in read
        ],
        'models': [evaluation.as_plain() for evaluation in evaluations],
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(data, indent=1, allow_nan=False) + '\n'
        write_atomic(folder / 'evaluation.json', text.encode())
        lines = '\n'.join(evaluation_lines(evaluations)) + '\n'
        write_atomic(folder / 'evaluation.md', lines.encode())
        plot(evaluations, folder / 'evaluation.png')
    except OSError as error:
        raise ConfigError(f'{folder}: cannot be written ({error}); choose another') from None


def plot(evaluations: Sequence[BagEvaluation], path: Path) -> None:
    """Draw errors against the horizon."""
    import matplotlib

    matplotlib.use('Agg')
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 4), layout='constrained')
    steps = np.arange(1, len(evaluations[0].error) + 1)
    for evaluation in evaluations:
        (line,) = axes.plot(steps, evaluation.error, label=Path(evaluation.model).name)
        if evaluation.slip_error:
            axes.plot(steps, evaluation.slip_error, ':', color=line.get_color())
    axes.plot([], [], ':', color='black', label='during slips')
    axes.plot(steps, evaluations[0].held, '--', color='grey', label='nothing changes')
    axes.set(xlabel='steps ahead', ylabel='latent error / variance', ylim=(0, None))
    axes.legend()
    partial = path.with_name(f'.{path.stem}.partial.png')
    figure.savefig(partial, dpi=120)
    partial.replace(path)
    pyplot.close(figure)
