"""One trial after the other of a simulated robot: where it works, how it begins, how it ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.core.errors import ConfigError
from simdist_ros.sim.simulated_robot import SimulatedRobot, TrueState

__all__ = ['TrialResult', 'Trials']

Array = NDArray[np.floating[Any]]

DONE_S = 0.3  # for which it must be done until a trial is over
DRAWS = 77  # of the seed, for commands and starts alone


@dataclass(frozen=True, kw_only=True)
class TrialResult:
    """What came of a trial, as the simulator knows it.

    Attributes:
        number: From 0 on.
        start: How it began, one of the task's `starts`.
        succeeded: Whether it was done, and had not failed before.
        ended_by: ``done``, ``failed`` or ``time``.
        time_s: Until it was done, or over.
        max_force_n: Largest force at the wrist; 0 without a sensor there.
    """

    number: int
    start: str
    succeeded: bool
    ended_by: str
    time_s: float
    max_force_n: float


class Trials:
    """Draws each trial and judges it; the same seed gives the same ones.

    Each start comes as often as the others.
    """

    def __init__(
        self, simulation: SimulatedRobot, seed: int, seconds: float, command: Array | None = None
    ) -> None:
        """Take who does them, and how long each may last.

        Args:
            simulation: Begins anew with each trial.
            seed: Of commands and starts.
            seconds: Longest trial [s].
            command: Of all of them, (command_dim,); None for one of its own for each.

        Raises:
            ConfigError: A trial of this task has no end.
        """
        self.simulation, self.task = simulation, simulation.task
        if not self.task.has_end:
            raise ConfigError(
                f'task {self.task.name!r} of {simulation.robot.name!r} has no end, so there are '
                'no trials of it; leave the number of trials away'
            )
        period_s = simulation.robot.period_s
        self.most_steps = max(1, round(seconds / period_s))
        self.done_steps = max(1, round(DONE_S / period_s))
        self.command, self.rng = command, np.random.default_rng([DRAWS, seed])
        self.number = -1
        self.kinds: list[str] = []

    def begin(self) -> None:
        """Start the next trial."""
        if not self.kinds:
            self.kinds = self.rng.permutation(self.task.starts).tolist()
        drawn = self.task.draw(1, self.rng)[0]
        self.simulation.command = drawn if self.command is None else self.command
        self.start = self.kinds.pop()
        self.simulation.reset(start=self.start)
        self.number += 1
        self.steps = self.streak = 0
        self.max_force_n = 0.0
        self.has_failed = False

    def look(self, truth: TrueState) -> TrialResult | None:
        """Take what is so after a step, or at the start; return the result once it is over."""
        force = float(np.linalg.norm(truth.wrench[:3]))
        self.max_force_n = max(self.max_force_n, force)
        self.streak = self.streak + 1 if truth.is_done else 0
        self.has_failed = truth.has_fallen
        over = self.has_failed or self.steps >= self.most_steps
        if not over and self.streak < self.done_steps:
            self.steps += 1
            return None
        succeeded = self.streak > 0 and not self.has_failed
        steps = self.steps - (self.streak - 1 if succeeded else 0)
        return TrialResult(
            number=self.number,
            start=self.start,
            succeeded=succeeded,
            ended_by='failed' if self.has_failed else 'done' if succeeded else 'time',
            time_s=steps * self.simulation.robot.period_s,
            max_force_n=self.max_force_n,
        )
