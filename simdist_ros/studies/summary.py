"""What the results say: the walks at each speed, prediction errors, where methods cross."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.evaluation.intervals import Interval, mean_interval
from simdist_ros.evaluation.settings import NONE
from simdist_ros.studies.cells import Cell, cell_of, in_order
from simdist_ros.studies.collect import CollectResult
from simdist_ros.studies.finetuning import AdaptResult
from simdist_ros.studies.jobs import Collect, Job, Judge
from simdist_ros.studies.judging import JudgeResult
from simdist_ros.studies.results import Result
from simdist_ros.studies.settings import world_name
from simdist_ros.studies.walk_summary import WalkRow, interval, mean, speeds_of, walk_row

__all__ = ['Crossing', 'ModelRow', 'Summary', 'falls_while_learning', 'summarise']

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True, kw_only=True)
class ModelRow:
    """What the model of one cell predicts, and how it was made; intervals are over seeds, 95 %.

    Attributes:
        seeds: How many there are.
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

    walks: list[WalkRow]
    models: list[ModelRow]
    crossings: list[Crossing]

    def walks_in(self, world: str) -> dict[float, list[WalkRow]]:
        """Return the rows of the walks in a world by speed."""
        found: dict[float, list[WalkRow]] = {}
        for row in self.walks:
            if row.cell.world == world:
                found.setdefault(row.speed, []).append(row)
        return found

    def models_in(self, world: str) -> list[ModelRow]:
        """Return the rows of the models judged in a world."""
        return [row for row in self.models if row.cell.world == world]


Seeds = dict[int, JudgeResult]


def summarise(results: Mapping[Job, Result], worlds: Sequence[str]) -> Summary:
    """Sum up all that was judged.

    Args:
        results: By job.
        worlds: Names of the worlds to adapt to, in the order to be shown.
    """
    cells: dict[Cell, Seeds] = {}
    made: dict[Cell, list[AdaptResult]] = {}
    for job, result in results.items():
        if isinstance(job, Judge) and isinstance(result, JudgeResult):
            cell = cell_of(job)
            cells.setdefault(cell, {})[job.seed] = result
            model = results.get(job.model) if job.model else None
            if isinstance(model, AdaptResult):
                made.setdefault(cell, []).append(model)
    shown = in_order(cells, worlds)
    speeds = speeds_of(cells)
    rows = [walk_row(cells, cell, speed) for speed in speeds for cell in shown]
    falls = falls_while_learning(results)
    return Summary(
        walks=[with_falls(row, falls) for row in rows if row is not None],
        models=[model_row(cell, cells, made.get(cell, [])) for cell in shown if cell.predicts],
        crossings=crossings(cells, worlds),
    )


def falls_while_learning(results: Mapping[Job, Result]) -> dict[Job, int]:
    """Return how often the robot fell for the data of each result that is made of all of them."""
    collected = {
        (world_name(job.world), job.seed): (job.minutes, result.falls)
        for job, result in results.items()
        if isinstance(job, Collect) and isinstance(result, CollectResult)
    }
    found: dict[Job, int] = {}
    for job in results:
        if isinstance(job, Judge) and job.source:
            minutes, falls = collected.get((world_name(job.source), job.seed), (math.nan, 0))
            if minutes == job.minutes:
                found[job] = falls
    return found


def with_falls(row: WalkRow, falls: Mapping[Job, int]) -> WalkRow:
    """Return a row that tells of the falls for the data of its cell too."""
    own = [
        count
        for job, count in falls.items()
        if isinstance(job, Judge) and cell_of(job) == row.cell
    ]
    return dataclasses.replace(row, falls_while_learning=mean(own))


def model_row(cell: Cell, cells: Mapping[Cell, Seeds], made: list[AdaptResult]) -> ModelRow:
    """Sum up the predictions of one cell."""
    seeds = cells[cell]
    base = cells.get(Cell(NONE, '', 0.0, cell.world), {})
    error, slip_error = (mean_by_step(seeds, name) for name in ('error', 'slip_error'))
    return ModelRow(
        cell=cell,
        seeds=len(seeds),
        error=error.tolist(),
        slip_error=slip_error.tolist(),
        error_mean=interval(mean_error(result) for result in seeds.values()),
        error_factor=least_factor(base, error, 'error'),
        slip_factor=least_factor(base, slip_error, 'slip_error'),
        accepted=sum(model.accepted for model in made),
        num_steps=mean([model.num_steps for model in made]),
        finetune_s=mean([model.seconds for model in made]),
    )


def mean_error(result: JudgeResult) -> float:
    """Return the held-out error, mean over the steps ahead."""
    return float(np.nanmean(result.error))


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
