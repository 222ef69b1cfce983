"""What the results say: progress, gaps closed, prediction errors, forgetting; with intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.evaluation.intervals import Interval, mean_interval
from simdist_ros.evaluation.settings import RIVALS
from simdist_ros.studies.finetuning import AdaptResult
from simdist_ros.studies.judging import JudgeResult
from simdist_ros.studies.results import Result
from simdist_ros.studies.settings import NOMINAL, world_name
from simdist_ros.studies.tasks import NONE, Judge, Task

__all__ = ['Cell', 'Crossing', 'Row', 'Summary', 'summarise']

Array = NDArray[np.floating[Any]]

UNKNOWN = Interval(math.nan, math.nan, math.nan)
UNADAPTED = (NONE, *RIVALS)
SHOWN_METHODS = ('dynamics', 'residual', 'all', 'policy')


@dataclass(frozen=True)
class Cell:
    """All seeds of one model in one world.

    Attributes:
        method: How it was adapted.
        source: Name of the world of its data; empty for the model as it came.
        minutes: Of data.
        world: Name of the world it was judged in.
    """

    method: str
    source: str
    minutes: float
    world: str

    @property
    def is_control(self) -> bool:
        """Whether it was trained on nominal data and evaluated elsewhere."""
        return self.source == NOMINAL and self.world != NOMINAL

    @property
    def label(self) -> str:
        """Name for tables and plots; that of a rival is not given twice."""
        name = (
            f'{self.method}, finetuned' if self.source and self.method in RIVALS else self.method
        )
        return f'{name}, nominal data' if self.is_control else name

    @property
    def is_rival(self) -> bool:
        """Whether neither search nor data are behind it."""
        return not self.source and self.method != NONE


@dataclass(frozen=True, kw_only=True)
class Row:
    """What one cell came to; each interval is over seeds, 95 %.

    Attributes:
        seeds: How many there are.
        progress_m: Mean over the walks of a seed.
        line_m: The success line, the mean likewise.
        walks: How many there are.
        falls: How many of them fell.
        tracking_error_mps: Mean over the walks that lasted long enough for one.
        reward_per_s: Mean over the walks of a seed.
        gain_m: Progress beyond that of the unadapted model, on the same seeds.
        gap_closed: The same as a share of the gap between that model and the success line.
        over_control_m: Progress beyond that of the control with as much data, on the same seeds.
        error: Held-out error at each step ahead, mean over seeds, (T,).
        slip_error: The same during slips.
        error_mean: Held-out error, mean over the steps.
        error_factor: By how much the error fell against the unadapted model's, at the step where
            it fell least.
        slip_factor: The same during slips.
        accepted: Adaptations that the gate accepted.
        num_steps: Gradient steps of an adaptation, mean.
        finetune_s: Time of them, mean [s].
    """

    cell: Cell
    seeds: int
    progress_m: Interval
    line_m: float
    walks: int
    falls: int
    tracking_error_mps: Interval
    reward_per_s: Interval
    gain_m: Interval
    gap_closed: Interval
    over_control_m: Interval
    error: list[float]
    slip_error: list[float]
    error_mean: Interval
    error_factor: float
    slip_factor: float
    accepted: int
    num_steps: float
    finetune_s: float


@dataclass(frozen=True, kw_only=True)
class Crossing:
    """Residual against dynamics with the same data.

    Attributes:
        world: Name of it.
        minutes: Of data.
        seeds: That both have.
        factor: Held-out error of the residual over that of the dynamics.
    """

    world: str
    minutes: float
    seeds: int
    factor: Interval


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Everything, in the order in which it is shown."""

    rows: list[Row]
    crossings: list[Crossing]

    def of(self, world: str) -> list[Row]:
        """Return the rows of the models judged in a world."""
        return [row for row in self.rows if row.cell.world == world]


Seeds = dict[int, JudgeResult]


def summarise(results: Mapping[Task, Result], worlds: Sequence[str]) -> Summary:
    """Sum up all that was judged.

    Args:
        results: By task.
        worlds: Names of the worlds to adapt to, in the order to be shown.
    """
    cells: dict[Cell, Seeds] = {}
    models: dict[Cell, list[AdaptResult]] = {}
    for task, result in results.items():
        if isinstance(task, Judge) and isinstance(result, JudgeResult):
            cell = cell_of(task)
            cells.setdefault(cell, {})[task.seed] = result
            made = results.get(task.model) if task.model else None
            if isinstance(made, AdaptResult):
                models.setdefault(cell, []).append(made)
    places = [*worlds, NOMINAL]
    shown = sorted(
        (cell for cell in cells if cell.world in places and cell.source in ('', *places)),
        key=lambda cell: (
            places.index(cell.world),
            bool(cell.source),
            (SHOWN_METHODS if cell.source else UNADAPTED).index(cell.method),
            cell.is_control,
            cell.source,
            cell.minutes,
        ),
    )
    rows = [summarise_cell(cell, cells, models.get(cell, [])) for cell in shown]
    return Summary(rows=rows, crossings=crossings(cells, worlds))


def cell_of(task: Judge) -> Cell:
    """Return where a result belongs."""
    source = world_name(task.source) if task.source else ''
    return Cell(task.method, source, task.minutes, world_name(task.world))


def summarise_cell(cell: Cell, cells: Mapping[Cell, Seeds], models: list[AdaptResult]) -> Row:
    """Sum up one cell."""
    seeds = cells[cell]
    base = cells.get(Cell(NONE, '', 0.0, cell.world), {})
    control = cells.get(Cell(cell.method, NOMINAL, cell.minutes, cell.world), {})
    gain = difference(seeds, base)
    line = float(np.mean([np.mean(result.line_m) for result in seeds.values()]))
    shared = [float(np.mean(base[seed].progress_m)) for seed in seeds if seed in base]
    gap = line - float(np.mean(shared)) if shared else math.nan
    error, slip_error = (mean_by_step(seeds, name) for name in ('error', 'slip_error'))
    return Row(
        cell=cell,
        seeds=len(seeds),
        progress_m=interval(np.array([np.mean(r.progress_m) for r in seeds.values()])),
        line_m=line,
        walks=sum(len(result.fell) for result in seeds.values()),
        falls=sum(sum(result.fell) for result in seeds.values()),
        tracking_error_mps=known_interval([r.tracking_error_mps for r in seeds.values()]),
        reward_per_s=known_interval([r.reward_per_s for r in seeds.values()]),
        gain_m=gain,
        gap_closed=scaled(gain, gap),
        over_control_m=UNKNOWN if cell.source == NOMINAL else difference(seeds, control),
        error=error.tolist(),
        slip_error=slip_error.tolist(),
        error_mean=interval(np.array([mean_error(result) for result in seeds.values()])),
        error_factor=least_factor(base, error, 'error'),
        slip_factor=least_factor(base, slip_error, 'slip_error'),
        accepted=sum(model.accepted for model in models),
        num_steps=mean_or_nan([model.num_steps for model in models]),
        finetune_s=mean_or_nan([model.seconds for model in models]),
    )


def interval(values: Array) -> Interval:
    """Return the mean with its interval; unknown without values."""
    return mean_interval(values) if len(values) else UNKNOWN


def known_interval(values: Sequence[Sequence[float | None]]) -> Interval:
    """Return the mean over seeds of what is known of each, with its interval."""
    known = [[value for value in row if value is not None] for row in values]
    return interval(np.array([np.mean(row) for row in known if row]))


def mean_or_nan(values: Sequence[float]) -> float:
    """Return the mean; NaN without values."""
    return float(np.mean(values)) if values else math.nan


def mean_error(result: JudgeResult) -> float:
    """Return the held-out error, mean over the steps ahead."""
    return float(np.nanmean(result.error))


def difference(seeds: Seeds, others: Seeds) -> Interval:
    """Return how much further the one walks than the other, on the seeds that both have."""
    return interval(
        np.array(
            [
                np.mean(result.progress_m) - np.mean(others[seed].progress_m)
                for seed, result in seeds.items()
                if seed in others
            ]
        )
    )


def scaled(gain: Interval, gap: float) -> Interval:
    """Return a gain as a share of a gap; unknown where there is none to close."""
    if not gap > 0.0:
        return UNKNOWN
    return Interval(gain.mean / gap, gain.low / gap, gain.high / gap)


def mean_by_step(seeds: Seeds, name: str) -> Array:
    """Return errors by step, mean over seeds, (T,)."""
    errors: Array = np.mean([getattr(result, name) for result in seeds.values()], axis=0)
    return errors


def least_factor(base: Seeds, error: Array, name: str) -> float:
    """Return the smallest factor by which an error, (T,), is below the unadapted model's."""
    if not base:
        return math.nan
    return float(np.nanmin(mean_by_step(base, name) / np.maximum(error, 1e-12)))


def crossings(cells: Mapping[Cell, Seeds], worlds: Sequence[str]) -> list[Crossing]:
    """Compare residual and dynamics wherever both were trained on the same data."""
    found = []
    for cell, seeds in cells.items():
        if cell.method != 'residual' or cell.source != cell.world or cell.world not in worlds:
            continue
        others = cells.get(Cell('dynamics', cell.source, cell.minutes, cell.world), {})
        both = [seed for seed in seeds if seed in others]
        factors = [math.log(mean_error(seeds[s]) / mean_error(others[s])) for s in both]
        if both:
            factor = mean_interval(np.array(factors)).exp()
            found.append(
                Crossing(world=cell.world, minutes=cell.minutes, seeds=len(both), factor=factor)
            )
    return sorted(found, key=lambda one: (worlds.index(one.world), one.minutes))
