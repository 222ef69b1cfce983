"""Fit the search to its budget again while the robot walks, both ways."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from simdist_ros.planning.budget_fitting import cut
from simdist_ros.planning.plan import Plan, Source
from simdist_ros.planning.planner import Planner
from simdist_ros.planning.settings import MppiSettings

__all__ = ['Refit', 'cost', 'levels', 'size_of']

LATELY, TOO_MANY = 10, 3  # plans, and those of them over the budget that make the search smaller
PATIENCE, LONGEST_PATIENCE = 250, 4000  # plans of which few may be long before it grows
SHORT, FEW_LONG = 0.6, 0.02  # of the budget: the next larger search must still fit; of the plans
HALF = 0.5


def levels(asked: MppiSettings, fitted: MppiSettings) -> list[MppiSettings]:
    """Return searches from the one asked for, by way of the one that was fitted, to the least.

    Each takes about half of the time of the one before, or is a step of `fitting.cut` smaller.
    """
    above = [settings for settings in halves(asked) if cost(settings) > cost(fitted)]
    return above + halves(fitted)


def halves(settings: MppiSettings) -> list[MppiSettings]:
    """Return a search and ever smaller ones."""
    found = [settings]
    while (smaller := cut(found[-1], HALF)) != found[-1]:
        found.append(smaller)
    return found


def size_of(settings: MppiSettings) -> str:
    """Say how large a search is."""
    return (
        f'{settings.num_samples} samples x {settings.num_iterations}, '
        f'num_command_steps {settings.num_command_steps}'
    )


def cost(settings: MppiSettings) -> int:
    """Return how many sequences the model is asked about in a plan."""
    if not settings.num_iterations:
        return 0
    iterated = settings.num_iterations * settings.num_candidates if settings.num_drawn else 0
    return iterated + 1 + 2 * settings.num_command_steps


class Refit:
    """Chooses among searches by how long their plans took.

    Down at once when several of the last plans were over the budget, for each of them may be
    late. Up only after a long time of short plans; and when a larger search turns out too
    large, the next attempt waits twice as long, so that the search does not swing to and fro.
    """

    def __init__(self, choices: Sequence[MppiSettings], level: int = 0) -> None:
        """Begin with a choice.

        Args:
            choices: From the largest to the smallest, of one budget.
            level: Index of the one in use.
        """
        self.choices, self.level = list(choices), level
        self.budget_ms = self.choices[0].budget_ms
        self.patience = PATIENCE
        self.has_grown = False  # by the last change
        self.forget()

    @property
    def settings(self) -> MppiSettings:
        """The search to use."""
        return self.choices[self.level]

    def forget(self) -> None:
        """Forget how long plans took: another search takes another time."""
        self.lately: deque[float] = deque(maxlen=LATELY)
        self.count = self.long = 0

    def apply(self, planner: Planner, plan: Plan) -> str:
        """Note a plan and resize its planner if need be; return what was done, or nothing."""
        if plan.source is Source.EXPLORATION:  # nothing was searched
            return ''
        before, why = self.settings, self.note(plan.elapsed_ms)
        if not why:
            return ''
        planner.resize(self.settings)
        return f'search changed from {size_of(before)} to {size_of(self.settings)}: {why}'

    def note(self, elapsed_ms: float) -> str:
        """Take the time of a plan [ms]; return why the search has changed, or an empty text."""
        if not self.budget_ms:
            return ''
        self.lately.append(elapsed_ms)
        self.count += 1
        self.long += elapsed_ms > SHORT * self.budget_ms
        late = sum(ms > self.budget_ms for ms in self.lately)
        if late >= TOO_MANY and self.level + 1 < len(self.choices):
            if self.has_grown:
                self.patience = min(2 * self.patience, LONGEST_PATIENCE)
            of = f'{late} of the last {len(self.lately)} plans'
            self.change(self.level + 1)
            return f'{of} took more than {self.budget_ms:g} ms'
        if self.count < self.patience:
            return ''
        return self.end_of_patience()

    def end_of_patience(self) -> str:
        """Grow if hardly a plan was long; count anew in any case."""
        if self.has_grown:  # and it has lasted
            self.has_grown, self.patience = False, PATIENCE
        long, count = self.long, self.count
        self.count = self.long = 0
        if long > FEW_LONG * count or not self.level:
            return ''
        self.change(self.level - 1)
        return f'{long} of the last {count} plans took more than {SHORT * self.budget_ms:g} ms'

    def change(self, level: int) -> None:
        """Use another choice from now on."""
        self.has_grown = level < self.level
        self.level = level
        self.forget()
