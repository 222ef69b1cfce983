"""From steps of many robots to episodes of one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.rl.step import Observation, StepResult
from simdist_ros.transitions.episode import Episode

__all__ = ['EpisodeRecorder']

F32 = NDArray[np.float32]


class EpisodeRecorder:
    """Keeps up to T steps of N robots and cuts them where episodes end.

    Observations are kept without noise: the training adds its own.
    """

    def __init__(self, num_steps: int) -> None:
        """Make room for T steps."""
        self.num_steps = num_steps
        self.at = 0
        self.kept: dict[str, NDArray[Any]] = {}
        self.step_fields: tuple[str, ...] = ()
        self.first: NDArray[np.int64] = np.zeros(0, dtype=np.int64)

    def keep(self, name: str, values: NDArray[Any]) -> None:
        """Write one step's values of all robots, (N, ...)."""
        if name not in self.kept:
            self.kept[name] = np.empty((self.num_steps, *values.shape), dtype=values.dtype)
        self.kept[name][self.at] = values

    def add(self, before: Observation, result: StepResult, **step: NDArray[Any]) -> list[Episode]:
        """Take a step.

        Args:
            before: What the robots observed before it.
            result: What it gave.
            step: What else `Episode` keeps of it: ``actions`` as executed, and labels.

        Returns:
            The episodes that it ended.
        """
        if not len(self.first):
            self.first = np.zeros(len(result.reward), dtype=np.int64)
        self.step_fields = tuple(step)
        for name, values in {**seen(before), **step}.items():
            self.keep(name, values)
        self.at += 1
        ended = result.terminated | result.truncated | result.diverged
        return list(self.cut(np.flatnonzero(ended), result))

    def rest(self, result: StepResult) -> list[Episode]:
        """Return what is still going on; `result` is the last step's."""
        return list(self.cut(np.flatnonzero(self.first < self.at), result))

    def cut(self, index: NDArray[np.intp], result: StepResult) -> Iterator[Episode]:
        """Yield the episodes of robots, from their first step to now."""
        final = seen(result.observation)
        for i in index.tolist():
            first, last = int(self.first[i]), self.at
            self.first[i] = self.at
            end = {name: values[i] for name, values in final.items()}
            if result.diverged[i]:  # the step is worthless: end before it
                last -= 1
                end = {name: self.kept[name][last, i] for name in final}
            if last > first:
                yield self.episode(i, slice(first, last), end, bool(result.terminated[i]))

    def episode(self, i: int, steps: slice, end: dict[str, F32], terminated: bool) -> Episode:
        """Copy the steps of one robot."""
        parts: dict[str, Any] = {
            name: np.concatenate([self.kept[name][steps, i], value[None]])
            for name, value in end.items()
        }
        parts.update({name: self.kept[name][steps, i].copy() for name in self.step_fields})
        return Episode(**parts, terminated=terminated)


def seen(observation: Observation) -> dict[str, F32]:
    """Return what an episode keeps of an observation."""
    return {
        'proprio_obs': observation.true_proprio_obs,
        'extero_obs': observation.true_extero_obs,
        'commands': observation.command,
    }
