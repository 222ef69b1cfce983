"""What there is to do: data to collect, models to adapt, models to evaluate; in which order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from simdist_ros.adaptation.settings import METHODS
from simdist_ros.evaluation.settings import NONE
from simdist_ros.studies.ceilings import missing_ceiling
from simdist_ros.studies.methods import CEILING, PARTS, method_name
from simdist_ros.studies.settings import NOMINAL, GridSettings, TrialSettings, world_name

__all__ = [
    'DATA',
    'HELD_OUT',
    'JUDGING',
    'MAX_WALKS',
    'NONE',
    'Adapt',
    'Collect',
    'Job',
    'Judge',
    'list_jobs',
    'walk_seed',
]

HELD_OUT = 999  # seed of the test split, which is never trained on
MAX_WALKS = 1000  # of one seed
DATA, JUDGING = 1, 2
FURTHER = ('dynamics', 'residual')  # the methods with further amounts of data


def walk_seed(purpose: int, seed: int, number: int) -> int:
    """Return the seed of the world and of the planner of a walk.

    Args:
        purpose: `DATA` or `JUDGING`, so that no evaluation walk repeats a training walk.
        seed: Of the trial.
        number: Of the walk among those of the trial, below `MAX_WALKS`.
    """
    return (purpose * MAX_WALKS + seed) * MAX_WALKS + number


@dataclass(frozen=True, kw_only=True)
class Collect:
    """Walk with the model as it came until there is so much data."""

    world: str
    seed: int
    minutes: float

    def __str__(self) -> str:
        """Say it in a line of progress."""
        return f'collect {self.minutes:g} min in {world_name(self.world)}, seed {self.seed}'


@dataclass(frozen=True, kw_only=True)
class Adapt:
    """Finetune on the first minutes of some data.

    Attributes:
        source: World of the data.
    """

    method: str
    source: str
    minutes: float
    seed: int

    @property
    def name(self) -> str:
        """Name of the model's folder."""
        return f'{self.method}-{world_name(self.source)}-{self.minutes:g}min-{self.seed}'

    def __str__(self) -> str:
        """Say it in a line of progress."""
        source = world_name(self.source)
        return f'{self.method} on {self.minutes:g} min of {source}, seed {self.seed}'


@dataclass(frozen=True, kw_only=True)
class Judge:
    """Walk in a world with a model, and compare its predictions with what happened there.

    Attributes:
        method: How the model was adapted; `NONE` for the model as it came, one of `RIVALS` or
            `CEILING` for what walks beside it, one of `PARTS` for a part of an adapted model.
        source: World of the data it was adapted on, or empty.
        minutes: How much of them; 0 for none.
        world: Where it is tried.
    """

    method: str = NONE
    source: str = ''
    minutes: float = 0.0
    seed: int
    world: str

    @property
    def model(self) -> Adapt | None:
        """The adaptation that made the model; None for the model as it came."""
        if not self.source:
            return None
        method = 'dynamics' if self.method in PARTS else self.method
        return Adapt(method=method, source=self.source, minutes=self.minutes, seed=self.seed)

    @property
    def is_rival(self) -> bool:
        """Whether neither search nor data are behind it."""
        return not self.source and self.method != NONE

    @property
    def predicts(self) -> bool:
        """Whether its predictions are looked at too."""
        return not self.is_rival and self.method not in PARTS

    def __str__(self) -> str:
        """Say it in a line of progress."""
        model = f'{self.model or f"{self.method}, seed {self.seed}"}'
        part = f', {self.method} alone' if self.method in PARTS else ''
        return f'{model}{part}: in {world_name(self.world)}'


Job = Collect | Adapt | Judge


@dataclass(frozen=True)
class Stage:
    """One method with one amount of data, in all worlds, with its first seeds."""

    method: str
    minutes: float
    seeds: int
    is_control: bool = False

    @property
    def name(self) -> str:
        """Name of the method in tables."""
        return method_name(self.method, is_adapted=self.minutes > 0.0, is_control=self.is_control)


def stages(grid: GridSettings) -> Iterator[Stage]:
    """Yield those asked for: first what the main comparison needs, should it end early."""
    return (stage for stage in all_stages(grid) if stage.name in grid.methods)


def all_stages(grid: GridSettings) -> Iterator[Stage]:
    """Yield those of all methods."""
    yield Stage(NONE, 0.0, grid.num_seeds)
    for rival in (*grid.rivals, CEILING):
        yield Stage(rival, 0.0, grid.num_seeds)
    for method in METHODS:
        seeds, amounts = grid.seeds(method), grid.minutes(method)[::-1]
        if seeds:
            yield Stage(method, amounts[0], seeds)
            if method == 'dynamics':
                yield from (Stage(part, amounts[0], seeds) for part in PARTS)
            yield Stage(method, amounts[0], seeds, is_control=True)
            for minutes in amounts[1:]:
                yield Stage(method, minutes, seeds)
                if grid.every_control:
                    yield Stage(method, minutes, seeds, is_control=True)
    for minutes in grid.further_minutes:
        for method in FURTHER:
            yield Stage(method, minutes, further_seeds(grid, method))


def further_seeds(grid: GridSettings, method: str) -> int:
    """Return how many seeds of a method get the further amounts of data."""
    return min(grid.further_seeds, grid.seeds(method)) if method in FURTHER else 0


def places(stage: Stage, grid: GridSettings) -> Iterator[tuple[str, str]]:
    """Yield where a stage's models were trained, if at all, and where they are evaluated.

    Those of a method's largest amount, further ones aside, walk on nominal ground too.
    """
    if stage.method == CEILING:
        yield from (('', world) for world in grid.worlds if not missing_ceiling(grid, world))
        return
    for world in grid.worlds:
        learned = NOMINAL if stage.is_control else world
        yield (learned if stage.minutes else ''), world
    if not stage.minutes:
        yield '', NOMINAL
    elif stage.method in PARTS or stage.is_control:
        return
    elif stage.minutes == grid.minutes(stage.method)[-1]:
        yield from ((world, NOMINAL) for world in grid.worlds)


def list_jobs(grid: GridSettings, trial: TrialSettings) -> dict[Job, tuple[Job, ...]]:
    """Return each job with those that it needs, which come before it.

    The data of a seed are collected once, as much as any method takes of them; less is the
    first part of them.
    """
    jobs: dict[Job, tuple[Job, ...]] = {}
    for stage in stages(grid):
        for number in range(stage.seeds):
            for source, world in places(stage, grid):
                job = Judge(
                    method=stage.method,
                    source=source,
                    minutes=stage.minutes,
                    seed=trial.seed + number,
                    world=world,
                )
                needs: list[Job] = []
                if job.predicts:
                    needs.append(
                        Collect(world=world, seed=HELD_OUT, minutes=trial.held_out_minutes)
                    )
                    jobs.setdefault(needs[0], ())
                if job.model is not None:
                    most = most_minutes(grid, source, number)
                    data = Collect(world=source, seed=job.seed, minutes=most)
                    jobs.setdefault(data, ())
                    jobs.setdefault(job.model, (data,))
                    needs.append(job.model)
                jobs.setdefault(job, tuple(needs))
    return jobs


def most_minutes(grid: GridSettings, source: str, number: int) -> float:
    """Return the most data that any method takes of a world and a seed, given its number [min]."""
    amounts = [grid.minutes(method)[-1] for method in METHODS if number < grid.seeds(method)]
    if source != NOMINAL and any(number < further_seeds(grid, method) for method in METHODS):
        amounts += grid.further_minutes
    return max(amounts)
