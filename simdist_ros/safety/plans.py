"""The planner's next steps, and which of them is due."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.core.errors import ConfigError

__all__ = ['DueStep', 'PlanBuffer', 'PlannedSteps']

Array = NDArray[np.floating[Any]]

MAX_PLANS = 32  # waiting for their first step; more than any plan delay


@dataclass(frozen=True, kw_only=True)
class PlannedSteps:
    """One plan.

    Attributes:
        stamp_ns: Stamp of the observation it answers [ns].
        first_effect_ns: Stamp from which its first step counts [ns]; later than `stamp_ns` by
            the plan delay.
        period_ns: Time from step to step [ns].
        positions: Joint targets, (T, num_joints) [rad].
    """

    stamp_ns: int
    first_effect_ns: int
    period_ns: int
    positions: Array

    def __post_init__(self) -> None:
        """Check the shape.

        Raises:
            ConfigError: There is no step, or no time between the steps.
        """
        if self.positions.ndim != 2 or not self.positions.size or not self.period_ns > 0:
            raise ConfigError(
                f'plan of shape {self.positions.shape} with a period of {self.period_ns} ns; '
                'it needs steps x joints and a period above 0'
            )

    def is_finite(self) -> bool:
        """Tell whether every target is a number."""
        return bool(np.isfinite(self.positions).all())


@dataclass(frozen=True)
class DueStep:
    """What the plans say about one stamp.

    Attributes:
        target: Joint targets of the step that is due, (num_joints,) [rad]; None when there is no
            plan or all its steps have passed.
        age_s: Age of the plan's first step [s]; infinite when there is no plan.
        is_late: Whether it is a later step than the first, because no newer plan has come.
    """

    target: Array | None
    age_s: float
    is_late: bool


class PlanBuffer:
    """Plans that are followed or wait for their first step."""

    def __init__(self, jitter_s: float) -> None:
        """Hold nothing; stamps that differ by at most `jitter_s` [s] are one tick."""
        self._jitter_ns = round(1e9 * jitter_s)
        self._plans: deque[PlannedSteps] = deque(maxlen=MAX_PLANS)

    @property
    def newest(self) -> PlannedSteps | None:
        """The plan that answers the newest observation."""
        return self._plans[-1] if self._plans else None

    def clear(self) -> None:
        """Forget all plans."""
        self._plans.clear()

    def shift(self, by_ns: int) -> None:
        """Let all plans count on a clock that is ahead of the one before by `by_ns`."""
        self._plans = deque(
            (
                replace(
                    plan,
                    stamp_ns=plan.stamp_ns + by_ns,
                    first_effect_ns=plan.first_effect_ns + by_ns,
                )
                for plan in self._plans
            ),
            maxlen=MAX_PLANS,
        )

    def put(self, plan: PlannedSteps) -> bool:
        """Take a plan, unless it answers an older observation; tell whether it was taken."""
        if self._plans and plan.stamp_ns < self._plans[-1].stamp_ns:
            return False
        self._plans.append(plan)
        return True

    def due(self, stamp_ns: int) -> DueStep:
        """Return the step of the newest plan that has begun at a stamp (zero-order hold)."""
        moment_ns = stamp_ns + self._jitter_ns
        begun = [i for i, plan in enumerate(self._plans) if plan.first_effect_ns <= moment_ns]
        if not begun:
            return DueStep(None, math.inf, False)
        for _ in range(begun[-1]):
            self._plans.popleft()
        plan = self._plans[0]
        index = (moment_ns - plan.first_effect_ns) // plan.period_ns
        target = plan.positions[index] if index < len(plan.positions) else None
        return DueStep(target, 1e-9 * (stamp_ns - plan.first_effect_ns), index > 0)
