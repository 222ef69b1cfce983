"""Training windows: H past steps and T future ones, drawn from memory-mapped episodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from simdist_ros.core.errors import ConfigError
from simdist_ros.transitions.shards.file import OPTIONAL, Shard

__all__ = ['CHUNK', 'HasShards', 'WindowSampler', 'Windows', 'evenly', 'split_episodes']

CHUNK = 256  # windows at once, where all are looked at

F32 = NDArray[np.float32]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Windows:
    """A batch of B windows around their present step t; raw units.

    Before an episode's start the first observation stands for the missing ones, with the action
    0, as in `History`. Beyond its end everything holds its last value; `is_known` says where
    that is so, and `has_ended` where the end was a fall.

    Attributes:
        proprio_obs: o_{t-H..t+T}, (B, H + 1 + T, proprio_obs_dim).
        extero_obs: What is seen of the surroundings now, (B, extero_obs_dim).
        actions: a_{t-H..t+T-1}, (B, H + T, action_dim).
        commands: c_{t..t+T}, (B, T + 1, command_dim).
        rewards: Of steps t..t+T-1, (B, T), 0 beyond the end; None in data without them.
        next_values: Of the states at t+1..t+T, (B, T), 0 from a fall on; None without them.
        is_expert: Whether the expert chose the actions of steps t.., (B, T); None without them.
        expert_actions: The expert's for the states t.., (B, T, action_dim); None without them.
        is_known: Whether step t + k was recorded, (B, T).
        has_ended: Whether a fall came before step t + k, (B, T).
    """

    proprio_obs: F32
    extero_obs: F32
    actions: F32
    commands: F32
    rewards: F32 | None
    next_values: F32 | None
    is_expert: Bools | None
    expert_actions: F32 | None
    is_known: Bools
    has_ended: Bools


def split_episodes(
    num_episodes: int, held_out: float, seed: int, most: int = 1000
) -> tuple[Ints, Ints]:
    """Divide whole episodes between training and validation.

    Args:
        num_episodes: How many there are, at least 2.
        held_out: Share of them that validation gets, at least one.
        seed: The same seed gives the same division.
        most: Largest number that validation gets.

    Returns:
        Numbers of the episodes for training and for validation, each in rising order.

    Raises:
        ConfigError: There are too few to divide.
    """
    if num_episodes < 2:
        raise ConfigError(
            f'{num_episodes} episode cannot be divided between training and validation; collect '
            'at least 2'
        )
    kept_back = min(max(1, round(held_out * num_episodes)), most, num_episodes - 1)
    order = np.random.default_rng(seed).permutation(num_episodes)
    return np.sort(order[kept_back:]), np.sort(order[:kept_back])


@dataclass(frozen=True)
class EpisodeTable:
    """Where each episode lies, one entry each, (E,).

    Attributes:
        shard: Number of its shard.
        step: Its first row in the shard's arrays per step.
        state: Its first row in the shard's arrays per state.
        num_steps: Its transitions.
        terminated: Whether it ended in a fall.
    """

    shard: Ints
    step: Ints
    state: Ints
    num_steps: Ints
    terminated: Bools

    def take(self, episodes: Ints) -> EpisodeTable:
        """Return the entries of some episodes."""
        return EpisodeTable(*(getattr(self, name)[episodes] for name in self.__dataclass_fields__))


def list_episodes(shards: tuple[Shard, ...]) -> EpisodeTable:
    """Find every episode, in the order of `Dataset.episodes`."""
    count = [len(shard.num_steps) for shard in shards]
    step = np.concatenate([shard.first_step for shard in shards])
    within = np.concatenate([np.arange(n) for n in count])
    return EpisodeTable(
        shard=np.repeat(np.arange(len(shards)), count),
        step=step,
        state=step + within,
        num_steps=np.concatenate([shard.num_steps for shard in shards]),
        terminated=np.concatenate([shard.terminated for shard in shards]),
    )


class HasShards(Protocol):
    """Episodes, on disk or in memory."""

    @property
    def shards(self) -> tuple[Shard, ...]:
        """Where they lie."""


class WindowSampler:
    """Draws windows from some episodes of a dataset, each start as likely as any other."""

    def __init__(
        self,
        dataset: HasShards,
        episodes: Ints,
        *,
        history_steps: int,
        horizon_steps: int,
        whole_history: bool = False,
    ) -> None:
        """List the windows.

        A window may reach beyond a fall, which is worth learning from, but beyond a mere end of
        the recording only where the episode is shorter than the horizon.

        Args:
            dataset: Where they come from.
            episodes: Numbers of the episodes to draw from.
            history_steps: H.
            horizon_steps: T.
            whole_history: Whether to leave out windows that begin before their episode does, as
                where an episode is a piece of a longer walk.
        """
        self.shards = dataset.shards
        self.table = list_episodes(self.shards).take(episodes)
        self.history_steps, self.horizon_steps = history_steps, horizon_steps
        steps = self.table.num_steps
        whole = np.maximum(steps - horizon_steps + 1, 1)
        self.earliest = history_steps if whole_history else 0
        count = np.where(self.table.terminated, steps, whole) - self.earliest
        self.starts = np.cumsum(np.maximum(count, 0))

    def __len__(self) -> int:
        """Number of different windows."""
        return int(self.starts[-1]) if len(self.starts) else 0

    def draw(self, size: int, generator: np.random.Generator) -> Windows:
        """Draw a batch of windows with replacement."""
        return self.gather(generator.integers(len(self), size=size))

    def episode_of(self, numbers: Ints) -> Ints:
        """Return which of the sampler's episodes each window is of, (B,)."""
        entries: Ints = np.searchsorted(self.starts, numbers, side='right')
        return entries

    def ends_in_fall(self, numbers: Ints) -> Bools:
        """Return whether a step within the horizon of each window was a fall, (B,)."""
        table = self.table.take(self.episode_of(numbers))
        reached: Bools = self.present(numbers) + self.horizon_steps >= table.num_steps
        return reached & table.terminated

    def present(self, numbers: Ints) -> Ints:
        """Return the step t of its episode at which each window is, (B,)."""
        entry = self.episode_of(numbers)
        before = np.where(entry > 0, self.starts[entry - 1], 0)
        found: Ints = numbers - before + self.earliest
        return found

    def gather(self, numbers: Ints) -> Windows:
        """Read windows by their numbers, 0 .. len - 1, (B,)."""
        present = self.present(numbers)
        table = self.table.take(self.episode_of(numbers))
        past, future = self.history_steps, self.horizon_steps
        offsets = np.arange(-past, future + 1)
        steps = table.num_steps[:, None]
        time = present[:, None] + offsets  # (B, H + 1 + T)
        states = table.state[:, None] + np.clip(time, 0, steps)
        ahead = np.clip(time[:, past:], 0, steps)
        step_rows = table.step[:, None] + np.clip(time[:, :-1], 0, steps - 1)
        actions = self.read('actions', table.shard, step_rows)
        actions[time[:, :-1] < 0] = 0.0
        is_known = time[:, past:-1] < steps
        has_ended = ~is_known & table.terminated[:, None]
        labels = self.labels(table, step_rows[:, past:], is_known)
        if labels['next_values'] is not None:
            falls = (time[:, past:-1] == steps - 1) & table.terminated[:, None]
            labels['next_values'][falls] = 0.0
        return Windows(
            proprio_obs=self.read('proprio_obs', table.shard, states),
            extero_obs=self.read('extero_obs', table.shard, states[:, past : past + 1])[:, 0],
            actions=actions,
            commands=self.read('commands', table.shard, table.state[:, None] + ahead),
            is_known=is_known,
            has_ended=has_ended,
            **labels,
        )

    def labels(self, table: EpisodeTable, rows: Ints, is_known: Bools) -> dict[str, Any]:
        """Read what not every dataset has; 0 or False beyond an episode's end."""
        found: dict[str, Any] = dict.fromkeys(OPTIONAL)
        for name in found:
            if name in self.shards[0].arrays:
                found[name] = self.read(name, table.shard, rows)
                found[name][~is_known] = 0.0
        if found['is_expert'] is not None:
            found['is_expert'] = found['is_expert'].astype(bool)
        return found

    def read(self, name: str, shard: Ints, rows: Ints) -> F32:
        """Read rows (B, L) of an array, each line from its shard, as (B, L, ...)."""
        width = self.shards[0].arrays[name].shape[1:]
        out = np.empty((*rows.shape, *width), dtype=np.float32)
        for number in np.unique(shard):
            chosen = np.flatnonzero(shard == number)
            out[chosen] = self.shards[number].arrays[name][rows[chosen]]
        return out


def evenly(count: int, most: int) -> Ints:
    """Return at most `most` different numbers from 0 to count - 1, evenly spaced."""
    numbers: Ints = np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.int64))
    return numbers if count else numbers[:0]
