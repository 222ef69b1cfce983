"""What the planner held: latency, iterations, gain, and how many ticks had no plan."""

from __future__ import annotations

import math
import resource
import time
from collections import Counter, deque
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from simdist_ros.embodiment.plausibility import Implausible, describe
from simdist_ros.planning.controller import PlannedTargets
from simdist_ros.planning.plan import NoPlan, Source
from simdist_ros.planning.settings import MppiSettings

__all__ = ['TickStatistics', 'peak_memory_mb']

WINDOW = 500  # ticks, 10 s at 50 Hz
HELD = ('age_ms', 'gain', 'effective_samples', 'num_iterations')  # also summarised over those

Value = float | int | str


class TickStatistics:
    """Counts ticks since the start and keeps the records of the last `WINDOW`."""

    def __init__(
        self,
        model: str = '',
        settings: MppiSettings | None = None,
        backend: str = '',
        num_proposals: int = 1,
        asked: MppiSettings | None = None,
    ) -> None:
        """Start from nothing.

        Args:
            model: Name of the model.
            settings: The search as it was fitted.
            backend: What runs the model.
            num_proposals: What the policy is asked for in a tick.
            asked: The search that was asked for; None is the one that was fitted.
        """
        self.model = model
        self.backend = backend
        self.settings = settings or MppiSettings()
        searches = (asked or self.settings).num_iterations > 0
        self.wanted = Source.MPPI if searches else Source.POLICY_PRIOR
        self.num_proposals = num_proposals
        self.held = {name: deque[float](maxlen=WINDOW) for name in HELD}
        self.elapsed_ms: deque[float] = deque(maxlen=WINDOW)
        self.ticks = 0
        self.outcomes: Counter[str] = Counter()
        self.unusable: Counter[str] = Counter()  # states, by the reading that cannot be true
        self.rate_since = (time.monotonic(), 0)  # when the rate was asked for, ticks then

    def resize(self, settings: MppiSettings, num_proposals: int) -> None:
        """Note that the search has another size from the next tick on."""
        self.settings, self.num_proposals = settings, num_proposals

    def add(
        self,
        result: PlannedTargets | NoPlan,
        elapsed_ms: float,
        age_ms: float,
        waited_ms: float = 0.0,
        findings: Sequence[Implausible] = (),
    ) -> dict[str, Value]:
        """Count one tick and return its record.

        Args:
            result: What the tick gave.
            elapsed_ms: From the complete observation to the published plan [ms].
            age_ms: Age of the observation when the plan was published [ms].
            waited_ms: Of the time elapsed, that without a processor to run on [ms].
            findings: Why the state was not used, if it was not.
        """
        self.ticks += 1
        self.elapsed_ms.append(elapsed_ms)
        self.held['age_ms'].append(age_ms)
        record: dict[str, Value] = {
            'plan_ms': elapsed_ms,
            'age_ms': age_ms,
            'waited_ms': waited_ms,
        }
        if isinstance(result, NoPlan):
            self.outcomes['no_plan'] += 1
            self.unusable.update(finding.what for finding in findings)
            record |= {'source': 'none', 'reason': result.reason.name.lower()}
            return record | ({'unusable': describe(findings)} if findings else {})
        plan = result.plan
        self.outcomes[plan.source.value] += 1
        if plan.doubts_belief:
            self.outcomes['doubted'] += 1
            record['belief'] = 'doubted'
        for name in HELD[1:]:
            if math.isfinite(getattr(plan, name)):
                self.held[name].append(getattr(plan, name))
        return record | {
            'search_ms': plan.elapsed_ms,
            'source': plan.source.value,
            'reason': plan.reason.name.lower(),
            'gain': plan.gain,
            'effective_samples': plan.effective_samples,
            'num_iterations': plan.num_iterations,
            'num_samples': self.settings.num_samples,
            'num_proposals': self.num_proposals,
        }

    @property
    def is_healthy(self) -> bool:
        """Whether every tick so far had the plan that was asked for."""
        had = self.outcomes[self.wanted.value] + self.outcomes[Source.EXPLORATION.value]
        return had == self.ticks

    def summary(self) -> tuple[str, dict[str, Value]]:
        """Return a sentence and the figures behind it."""
        median, p99, worst = np.percentile(self.elapsed_ms or [0.0], (50, 99, 100))
        values: dict[str, Value] = {
            'model': self.model,
            'peak_memory_mb': peak_memory_mb(),
            'backend': self.backend,
            'ticks': self.ticks,
            'plan_ms_p50': float(median),
            'plan_ms_p99': float(p99),
            'plan_ms_max': float(worst),
            'num_proposals': self.num_proposals,
            'num_samples': self.settings.num_samples,
            'num_iterations': self.settings.num_iterations,
            **{f'{name}_p50': float(np.median(kept or [0.0])) for name, kept in self.held.items()},
            'age_ms_max': float(max(self.held['age_ms'], default=0.0)),
            **{f'{outcome}_ticks': count for outcome, count in self.outcomes.items()},
            **{f'unusable {what}': count for what, count in self.unusable.items()},
        }
        rate_hz = self.rate_hz()
        values['rate_hz'] = rate_hz
        return (
            f'{rate_hz:.1f} Hz, plan median {median:.1f} ms, p99 {p99:.1f} ms, '
            f'worst {worst:.1f} ms, gain {values["gain_p50"]:+.3f}',
            values,
        )

    def rate_hz(self) -> float:
        """Return the ticks per second of wall time since this was last asked."""
        (since, ticks), now = self.rate_since, time.monotonic()
        self.rate_since = (now, self.ticks)
        return (self.ticks - ticks) / max(now - since, 1e-6)


def peak_memory_mb() -> float:
    """Return the most memory that this process ever had [MB].

    `getrusage` would also count what the process had been before it became this program.
    """
    try:
        status = Path('/proc/self/status').read_text()
    except OSError:  # not Linux
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    line = next(line for line in status.splitlines() if line.startswith('VmHWM:'))
    return int(line.split()[1]) / 1024.0
