"""What the walks of the benchmark say, at each speed: progress, falls, error, reward, gaps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.evaluation.intervals import Interval, mean_interval
from simdist_ros.evaluation.settings import NONE
from simdist_ros.studies.cells import Cell
from simdist_ros.studies.judging import JudgeResult
from simdist_ros.studies.methods import CEILING
from simdist_ros.studies.settings import NOMINAL

__all__ = ['UNKNOWN', 'WalkRow', 'interval', 'mean', 'speeds_of', 'walk_row']

Array = NDArray[np.floating[Any]]
Results = Mapping[Cell, Mapping[int, JudgeResult]]  # by cell and seed

UNKNOWN = Interval(math.nan, math.nan, math.nan)


@dataclass(frozen=True, kw_only=True)
class WalkRow:
    """What the walks of one cell at one speed came to; each interval is over seeds, 95 %.

    Attributes:
        speed: Asked for [m/s]; 0 for a task without speeds.
        seeds: How many there are.
        progress_m: Mean over the walks of a seed; not capped at the success line.
        line_m: The success line, the mean likewise.
        walks: How many there are.
        falls: How many of them fell.
        successes: How many of them ended as the task asks; None for a task without an end.
        command_error: Mean over the walks that lasted long enough for one, see `Task.error`.
        reward_per_s: Mean over the walks of a seed.
        gain_m: Progress beyond that of the unadapted model, on the same seeds; here and below
            progress counts up to the success line.
        gap_closed: The same as a share of the gap between that model and the success line.
        over_control_m: Progress beyond that of the control with as much data, on the same seeds.
        reward_gain: Reward beyond that of the unadapted model, on the same seeds.
        way_to_ceiling: The same as a share of what the ceiling has beyond that model.
        over_rival: Reward beyond that of the best rival, the ceiling aside, on the same seeds.
        rival: Name of that rival: the one with the largest mean reward.
        falls_while_learning: In the walks for the data of a seed, mean; NaN where not known.
    """

    cell: Cell
    speed: float
    seeds: int
    progress_m: Interval
    line_m: float
    walks: int
    falls: int
    successes: int | None
    command_error: Interval
    reward_per_s: Interval
    gain_m: Interval
    gap_closed: Interval
    over_control_m: Interval
    reward_gain: Interval
    way_to_ceiling: Interval
    over_rival: Interval
    rival: str
    falls_while_learning: float = math.nan


@dataclass
class Walks:
    """The walks of one cell at one speed: means of each seed, where there are any."""

    progress_m: dict[int, float] = field(default_factory=dict)
    counted_m: dict[int, float] = field(default_factory=dict)
    line_m: dict[int, float] = field(default_factory=dict)
    command_error: dict[int, float] = field(default_factory=dict)
    reward_per_s: dict[int, float] = field(default_factory=dict)
    fell: list[bool] = field(default_factory=list)
    succeeded: list[bool | None] = field(default_factory=list)


def speeds_of(results: Results) -> list[float]:
    """Return the speeds of all walks, in rising order."""
    found = (result.speed for seeds in results.values() for result in seeds.values())
    return sorted({speed for speeds in found for speed in speeds})


def walks_of(results: Results, cell: Cell, speed: float) -> Walks:
    """Return the walks of a cell at a speed; there may be none."""
    found = Walks()
    for seed, r in results.get(cell, {}).items():
        numbers = [number for number, asked in enumerate(r.speed) if asked == speed]
        if not numbers:
            continue
        found.fell += [r.fell[i] for i in numbers]
        found.succeeded += [r.succeeded[i] for i in numbers]
        found.progress_m[seed] = float(np.mean([r.progress_m[i] for i in numbers]))
        counted = [min(r.progress_m[i], r.line_m[i]) for i in numbers]
        found.counted_m[seed] = float(np.mean(counted))
        found.line_m[seed] = float(np.mean([r.line_m[i] for i in numbers]))
        for name in ('command_error', 'reward_per_s'):
            known = [x for i in numbers if (x := getattr(r, name)[i]) is not None]
            if known:
                getattr(found, name)[seed] = float(np.mean(known))
    return found


def walk_row(results: Results, cell: Cell, speed: float) -> WalkRow | None:
    """Sum up one cell at one speed; None where nothing walked."""
    mine = walks_of(results, cell, speed)
    if not mine.fell:
        return None
    base = walks_of(results, Cell(NONE, '', 0.0, cell.world), speed)
    ceiling = walks_of(results, Cell(CEILING, '', 0.0, cell.world), speed)
    control = walks_of(results, Cell(cell.method, NOMINAL, cell.minutes, cell.world), speed)
    rival, best = best_rival(results, cell, speed)
    gain = difference(mine.counted_m, base.counted_m)
    reward_gain = difference(mine.reward_per_s, base.reward_per_s)
    shared = [seed for seed in mine.line_m if seed in base.counted_m]
    gap = mean([mine.line_m[s] for s in shared]) - mean([base.counted_m[s] for s in shared])
    done = [x for x in mine.succeeded if x is not None]
    return WalkRow(
        cell=cell,
        speed=speed,
        seeds=len(mine.progress_m),
        progress_m=interval(mine.progress_m.values()),
        line_m=mean(list(mine.line_m.values())),
        walks=len(mine.fell),
        falls=sum(mine.fell),
        successes=sum(done) if done else None,
        command_error=interval(mine.command_error.values()),
        reward_per_s=interval(mine.reward_per_s.values()),
        gain_m=gain,
        gap_closed=scaled(gain, gap),
        over_control_m=(
            UNKNOWN if cell.source == NOMINAL else difference(mine.counted_m, control.counted_m)
        ),
        reward_gain=reward_gain,
        way_to_ceiling=scaled(
            reward_gain, difference(ceiling.reward_per_s, base.reward_per_s).mean
        ),
        over_rival=difference(mine.reward_per_s, best.reward_per_s),
        rival=rival,
    )


def best_rival(results: Results, cell: Cell, speed: float) -> tuple[str, Walks]:
    """Return the rival with the largest mean reward in a cell's world, which may be itself."""
    rivals = {
        other.method: walks
        for other in results
        if other.is_rival and other.world == cell.world and other.method != CEILING
        if (walks := walks_of(results, other, speed)).reward_per_s
    }
    if not rivals or cell.is_rival:
        return '', Walks()
    name = max(rivals, key=lambda method: mean(list(rivals[method].reward_per_s.values())))
    return name, rivals[name]


def difference(mine: Mapping[int, float], others: Mapping[int, float]) -> Interval:
    """Return by how much the one is beyond the other, on the seeds that both have."""
    return interval([value - others[seed] for seed, value in mine.items() if seed in others])


def interval(values: Any) -> Interval:
    """Return the mean of values with its interval; unknown without any."""
    found = np.array(list(values), dtype=float)
    return mean_interval(found) if len(found) else UNKNOWN


def mean(values: Sequence[float]) -> float:
    """Return the mean; NaN without values."""
    return float(np.mean(values)) if values else math.nan


def scaled(gain: Interval, gap: float) -> Interval:
    """Return a gain as a share of a gap; unknown where there is none to close."""
    if not gap > 0.0:
        return UNKNOWN
    return Interval(gain.mean / gap, gain.low / gap, gain.high / gap)
