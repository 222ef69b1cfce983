"""How well models predict what is happening now: recent ticks, and the error on them."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simdist_ros.core.priority_gate import GiveWay, no_wait
from simdist_ros.core.settings import Settings, setting
from simdist_ros.evaluation.prediction import predict
from simdist_ros.planning.plan import Observation
from simdist_ros.transitions.episode import Episode
from simdist_ros.transitions.shards.replay import InMemoryEpisodes
from simdist_ros.transitions.training_windows import WindowSampler
from simdist_ros.world_model.architecture import Architecture
from simdist_ros.world_model.model import WorldModel

__all__ = ['RecentTicks', 'Tick', 'WatchSettings', 'fewest_ticks', 'live_errors']

WINDOWS_AT_ONCE = 1  # some milliseconds of work

F32 = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class WatchSettings(Settings):
    """How a model is watched while it plans."""

    period_s: float = setting(
        2.0, 'Robot time between measurements of the live prediction error; 0 measures nothing.',
        unit='s', low=0.0,
    )  # fmt: skip
    window_s: float = setting(
        5.0, 'Recent robot time, without a gap, that a measurement looks at.', unit='s', low=0.1
    )
    duration_s: float = setting(
        30.0,
        'Robot time after a swap in which the new model is compared with the one before it; 0 '
        'compares nothing.',
        unit='s',
        low=0.0,
    )
    max_factor: float = setting(
        1.2,
        'The model before comes back when the error of the new one is more than this many times '
        'its own, on the same ticks.',
        low=1.0,
    )
    num_windows: int = setting(16, 'Most windows of a measurement, evenly spaced.', low=1)


class Tick(NamedTuple):
    """One observation, and the action that led to it."""

    proprio_obs: F32  # (proprio_obs_dim,)
    action_before: F32  # (action_dim,)
    extero_obs: F32  # (extero_obs_dim,)
    command: F32  # (command_dim,)


class RecentTicks:
    """The last ticks of a planner, without a gap; a missed tick starts anew."""

    def __init__(self, most: int) -> None:
        """Keep at most `most` ticks."""
        self.ticks: deque[Tick] = deque(maxlen=most)
        self.step: int | None = None

    @property
    def is_full(self) -> bool:
        """Whether there are as many as are kept."""
        return len(self.ticks) == self.ticks.maxlen

    def clear(self) -> None:
        """Forget all."""
        self.ticks.clear()
        self.step = None

    def add(self, observation: Observation) -> None:
        """Take what the planner was shown; the arrays are copied."""
        gap = 1 if self.step is None else observation.step - self.step
        if gap == 0:  # the same tick, measured again
            self.ticks.pop()
        elif gap != 1:
            self.ticks.clear()
        self.step = observation.step
        self.ticks.append(
            Tick(
                observation.proprio_obs_hist[-1].copy(),
                observation.acts_hist[-1].copy(),
                observation.extero_obs.copy(),
                observation.command.copy(),
            )
        )

    def copy(self) -> tuple[Tick, ...]:
        """Return the ticks, for another thread; they never change."""
        return tuple(self.ticks)


def episode_of(ticks: Sequence[Tick]) -> Episode:
    """Return successive ticks, one at least, as an episode."""
    proprio_obs, actions, extero_obs, commands = map(np.array, zip(*ticks, strict=True))
    return Episode(
        proprio_obs=proprio_obs, actions=actions[1:], extero_obs=extero_obs, commands=commands
    )


def fewest_ticks(architecture: Architecture) -> int:
    """Return the ticks that a measurement needs: a history, a horizon and the tick between."""
    return architecture.history_steps + architecture.horizon_steps + 1


def live_errors(
    models: Sequence[WorldModel], ticks: Sequence[Tick], most: int, give_way: GiveWay = no_wait
) -> list[float]:
    """Let each model predict the actions that were executed; return their latent errors.

    They are shares of the variance of the true latents; what is not finite is infinitely wrong.

    Args:
        models: Of one architecture, on the CPU.
        ticks: `fewest_ticks` at least, without a gap.
        most: Largest number of windows.
        give_way: Called between two pieces of work.
    """
    sizes = models[0].architecture
    sampler = WindowSampler(
        InMemoryEpisodes((episode_of(ticks),)),
        np.zeros(1, dtype=np.int64),
        history_steps=sizes.history_steps,
        horizon_steps=sizes.horizon_steps,
        whole_history=True,
    )
    predictions = (
        predict(model, sampler, most, chunk_size=WINDOWS_AT_ONCE, give_way=give_way)
        for model in models
    )
    return [float(np.mean(prediction.by_step())) for prediction in predictions]
