"""Put an evaluation into words, tables and plots."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

from simdist_ros.core.atomic import write_atomic
from simdist_ros.evaluation.walk import VALUE_INTERVAL, Walk, WalkResult
from simdist_ros.pretraining.evaluate.data import Calibration, Foresight, OpenLoop
from simdist_ros.tasks.task import Task

__all__ = ['Evaluation', 'Summary', 'summarise_walks', 'write_report']


@dataclass(frozen=True, kw_only=True)
class Summary:
    """All seeds of one controller in one world at one speed; -/+ is a 95 % interval.

    Attributes:
        walks: Number of seeds.
        falls: How many of them fell.
        success_rate: Share of them that ended as the task asks; None for a task without an end.
        distance_m: Mean, and half of its interval.
        command_error: Mean error of those that lasted long enough, and half of its interval.
        reward_per_s: Mean, and half of its interval.
    """

    world: str
    speed: float
    controller: str
    walks: int
    falls: int
    success_rate: float | None
    distance_m: tuple[float, float]
    command_error: tuple[float, float]
    reward_per_s: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Everything that was found.

    Attributes:
        summaries: Of the walks.
        planner_gain: Mean reward per second of the planner minus the policy head's on the same
            seeds, and half of its interval, by world.
        imitation_gain: The policy head's minus the expert's; empty without an expert.
        open_loop: Prediction errors.
        calibration: Predicted against real returns.
        data_foresight: Of falls in held-out episodes.
        walk_foresight: Of falls in closed loop, in all worlds together.
        hard_foresight: The same in the worlds beyond the trained ones, where some walks fall and
            others in the same world do not.
        traces: Predicted returns over time, of walks that fell and of walks that did not.
        about: Whose evaluation it is.
    """

    summaries: list[Summary]
    planner_gain: dict[str, tuple[float, float]]
    imitation_gain: dict[str, tuple[float, float]]
    open_loop: OpenLoop
    calibration: Calibration
    data_foresight: Foresight
    walk_foresight: Foresight
    hard_foresight: Foresight
    traces: dict[str, list[list[float]]]
    about: dict[str, Any]


def mean_and_interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean of what is a number and half of its 95 % interval, NaN where unknown."""
    x = np.array([value for value in values if math.isfinite(value)])
    if not len(x):
        return float('nan'), float('nan')
    half = 1.96 * float(x.std(ddof=1)) / math.sqrt(len(x)) if len(x) > 1 else float('nan')
    return float(x.mean()), half


def summarise_walks(results: dict[Walk, WalkResult]) -> list[Summary]:
    """Return one summary for each controller, world and speed, in the order of the walks."""
    groups: dict[tuple[str, float, str], list[WalkResult]] = {}
    for task, result in results.items():
        groups.setdefault((task.world, task.speed, task.controller), []).append(result)
    return [
        Summary(
            world=world,
            speed=speed,
            controller=controller,
            walks=len(group),
            falls=sum(result.fell for result in group),
            success_rate=success_rate(group),
            distance_m=mean_and_interval([result.distance_m for result in group]),
            command_error=mean_and_interval([result.command_error for result in group]),
            reward_per_s=mean_and_interval([result.reward_per_s for result in group]),
        )
        for (world, speed, controller), group in sorted(groups.items())
    ]


def success_rate(results: Sequence[WalkResult]) -> float | None:
    """Return the share of the walks that succeeded; None for a task without an end."""
    done = [result.succeeded for result in results if result.succeeded is not None]
    return sum(done) / len(done) if done else None


def write_report(evaluation: Evaluation, task: Task, folder: Path) -> None:
    """Write ``report.md``, ``report.json`` and the plots, with what a task has of these."""
    matplotlib.use('Agg')
    plot_open_loop(evaluation.open_loop, folder / 'open_loop.png')
    plot_calibration(evaluation.calibration, folder / 'calibration.png')
    if task.can_fail:
        plot_values(evaluation, folder / 'values.png')
    data = json.dumps(finite(plain(evaluation, task)), indent=1, allow_nan=False)
    write_atomic(folder / 'report.json', data.encode())
    write_atomic(folder / 'report.md', '\n'.join(lines(evaluation, task)).encode())


def plain(evaluation: Evaluation, task: Task) -> dict[str, Any]:
    """Return plain values without the figures that say nothing of a task."""
    found = asdict(evaluation)
    if not task.can_fail:
        for name in ('data_foresight', 'walk_foresight', 'hard_foresight', 'traces'):
            del found[name]
    unknown = {column.field for column in COLUMNS if not column.fits(task)}
    for summary in found['summaries']:
        for name in unknown:
            del summary[name]
    return found


def finite(value: Any) -> Any:
    """Return plain values for JSON, None for what is not a number."""
    if isinstance(value, dict):
        return {name: finite(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def lines(evaluation: Evaluation, task: Task) -> list[str]:
    """Return the lines of ``report.md``."""
    about = ', '.join(f'{name} {value}' for name, value in evaluation.about.items())
    return [
        f'# Evaluation of {evaluation.about.get("model", "the model")}',
        '',
        f'{about}. Intervals are 95 %.',
        '',
        '## Closed loop',
        '',
        f'Each seed has its own {"heading, start, pushes" if task.can_fail else "start"} and '
        f'sensor noise. Reward: that of training, of one second'
        f'{", nothing after a fall" if task.can_fail else ""}. Error: distance from the command.',
        '',
        *walk_table(evaluation.summaries, task),
        '',
        '## What planning adds to the policy head, in reward per second on the same seeds',
        '',
        *gain_lines(evaluation.planner_gain),
        '',
        '## What imitation adds to the expert, likewise; less than nothing, as a rule',
        '',
        *(gain_lines(evaluation.imitation_gain) or ['There is no expert to compare with.']),
        '',
        '## Open loop, held-out episodes, the actions as they were taken',
        '',
        *open_loop_table(evaluation.open_loop),
        '',
        '![error against horizon](open_loop.png)',
        '',
        '## Predicted against real returns',
        '',
        f'Correlation {evaluation.calibration.correlation:.3f}, bias '
        f'{evaluation.calibration.bias:+.3f}, root mean square error '
        f'{evaluation.calibration.rmse:.3f}.',
        '',
        '![calibration](calibration.png)',
        '',
        *(foresight_lines(evaluation) if task.can_fail else []),
    ]


def foresight_lines(evaluation: Evaluation) -> list[str]:
    """Return the section on falls."""
    return [
        '## Falls foreseen, 1 s before',
        '',
        foresight_line('held-out episodes', evaluation.data_foresight),
        foresight_line('closed loop, all worlds', evaluation.walk_foresight),
        foresight_line('closed loop, hard worlds alone', evaluation.hard_foresight),
        '',
        '![predicted return over time](values.png)',
        '',
    ]


def gain_lines(gains: dict[str, tuple[float, float]]) -> list[str]:
    """Return a line for each world."""
    return [f'- {world}: {shown(*gain, 3, "+")}' for world, gain in gains.items()]


@dataclass(frozen=True)
class Column:
    """A column of the table: its field of `Summary`, its head, its text, and whom it is for."""

    field: str
    head: Callable[[Task], str]
    text: Callable[[Summary], str]
    fits: Callable[[Task], bool] = lambda task: True


COLUMNS = (
    Column('world', lambda task: 'world', lambda s: s.world),
    Column('speed', lambda task: 'm/s', lambda s: f'{s.speed:g}', lambda task: task.has_speeds),
    Column('controller', lambda task: 'controller', lambda s: s.controller),
    Column('walks', lambda task: f'{task.noun}s', lambda s: str(s.walks)),
    Column('falls', lambda task: 'falls', lambda s: str(s.falls), lambda task: task.can_fail),
    Column(
        'success_rate',
        lambda task: 'success rate',
        lambda s: f'{s.success_rate or 0.0:.2f}',
        lambda task: task.has_end,
    ),
    Column(
        'distance_m',
        lambda task: 'distance [m]',
        lambda s: shown(*s.distance_m, 2),
        lambda task: task.has_speeds,
    ),
    Column(
        'command_error',
        lambda task: f'error [{task.unit}]',
        lambda s: shown(*s.command_error, 3),
    ),
    Column('reward_per_s', lambda task: 'reward', lambda s: shown(*s.reward_per_s, 3)),
)


def walk_table(summaries: list[Summary], task: Task) -> list[str]:
    """Return the table of the closed loop."""
    columns = [column for column in COLUMNS if column.fits(task)]
    rows = [[column.head(task) for column in columns], ['---'] * len(columns)]
    rows += [[column.text(summary) for column in columns] for summary in summaries]
    return [f'| {" | ".join(row)} |' for row in rows]


def shown(mean: float, half: float, digits: int, sign: str = '') -> str:
    """Return a mean with its interval."""
    if not math.isfinite(mean):
        return '-'
    interval = f' ± {half:.{digits}f}' if math.isfinite(half) else ''
    return f'{mean:{sign}.{digits}f}{interval}'


def open_loop_table(errors: OpenLoop) -> list[str]:
    """Return the errors of some steps."""
    steps = len(errors.latent_share)
    chosen = sorted({0, steps // 5 - 1, 2 * steps // 5 - 1, 3 * steps // 5 - 1, steps - 1} - {-1})
    return [
        '| steps ahead | latent error / variance | joints [rad] | joint rates [rad/s] | '
        'joints if held [rad] | joints read off true latents [rad] |',
        '|---|---|---|---|---|---|',
        *(
            f'| {k + 1} | {errors.latent_share[k]:.4f} | {errors.joint_pos_rad[k]:.4f} | '
            f'{errors.joint_vel_radps[k]:.3f} | {errors.held_pos_rad[k]:.4f} | '
            f'{errors.probe_pos_rad[k]:.4f} |'
            for k in chosen
        ),
    ]


def foresight_line(where: str, foresight: Foresight) -> str:
    """Say how well falls were foreseen."""
    if not math.isfinite(foresight.auc):
        return f'- {where}: nothing to tell apart ({len(foresight.falls)} falls).'
    others = {
        'for its own policy instead of the actions taken': foresight.policy_auc,
        "the expert's critic": foresight.critic_auc,
    }
    beside = ''.join(f'; {what} {auc:.3f}' for what, auc in others.items() if math.isfinite(auc))
    return (
        f'- {where}: AUC {foresight.auc:.3f} over {len(foresight.falls)} falls and '
        f'{len(foresight.successes)} successes{beside}.'
    )


def plot_open_loop(errors: OpenLoop, path: Path) -> None:
    """Draw errors against the horizon."""
    from matplotlib import pyplot

    steps = np.arange(1, len(errors.latent_share) + 1)
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.5), layout='constrained')
    left.plot(steps, errors.latent_share)
    left.set(xlabel='steps ahead', ylabel='latent error / variance', ylim=(0, None))
    right.plot(steps, errors.joint_pos_rad, label='predicted')
    right.plot(steps, errors.held_pos_rad, '--', label='held')
    right.plot(steps, errors.probe_pos_rad, ':', label='read off true latents')
    right.set(xlabel='steps ahead', ylabel='joint error [rad]', ylim=(0, None))
    right.legend()
    save(figure, path)


def plot_calibration(calibration: Calibration, path: Path) -> None:
    """Draw real against predicted returns."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(4, 4), layout='constrained')
    axes.plot(calibration.predicted, calibration.real, 'o-')
    ends = [min(calibration.predicted + calibration.real), max(calibration.predicted)]
    axes.plot(ends, ends, '--', color='grey')
    axes.set(xlabel='predicted return', ylabel='real return')
    save(figure, path)


def plot_values(evaluation: Evaluation, path: Path) -> None:
    """Draw the predicted returns over time of walks that fell and of walks that did not."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 3.5), layout='constrained')
    for name, traces in evaluation.traces.items():
        for index, trace in enumerate(traces):
            color = 'tab:red' if name == 'fell' else 'tab:blue'
            ticks = VALUE_INTERVAL * np.arange(len(trace))
            axes.plot(ticks, trace, color=color, alpha=0.4, label=None if index else name)
    axes.set(xlabel='control ticks', ylabel='predicted return')
    if axes.get_legend_handles_labels()[0]:
        axes.legend()
    save(figure, path)


def save(figure: Any, path: Path) -> None:
    """Write a figure and forget it."""
    from matplotlib import pyplot

    partial = path.with_name(f'.{path.stem}.partial.png')
    figure.savefig(partial, dpi=100)
    partial.replace(path)
    pyplot.close(figure)
