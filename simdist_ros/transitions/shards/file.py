"""One shard: whole episodes end to end in a safetensors file that is mapped, never loaded."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray

from simdist_ros.transitions.episode import Episode
from simdist_ros.transitions.shards.manifest import AGAIN, DatasetError, ShardInfo

__all__ = ['Shard', 'hold_episodes', 'map_shard', 'pack_episodes']

Array = NDArray[Any]

PER_STATE = {'proprio_obs': np.float32, 'extero_obs': np.float16, 'commands': np.float32}
PER_STEP = {
    'actions': np.float32,
    'rewards': np.float32,
    'next_values': np.float32,
    'is_expert': np.uint8,
    'expert_actions': np.float32,
}
OPTIONAL = ('rewards', 'next_values', 'is_expert', 'expert_actions')
# Half precision errs by up to 1 mm in a height of 2 m; the sensor's noise is over ten times that.
DTYPES = {'F32': np.float32, 'F16': np.float16, 'U8': np.uint8, 'I64': np.int64}
LENGTH_BYTES = 8  # of a safetensors header's length


@dataclass(frozen=True)
class Shard:
    """The arrays of a shard; those per state have one row more in each episode.

    Attributes:
        arrays: By name, as in `Episode`, rows of all episodes end to end; memory maps if they come
            from a file.
        num_steps: Transitions of each episode, (E,).
        terminated: Whether each episode ended in a fall, (E,).
    """

    arrays: dict[str, Array]
    num_steps: NDArray[np.int64]
    terminated: NDArray[np.bool_]

    @property
    def first_step(self) -> NDArray[np.int64]:
        """First row of each episode in the arrays per step, (E,); per state add its index."""
        start: NDArray[np.int64] = np.cumsum(self.num_steps) - self.num_steps
        return start

    def episode(self, index: int) -> Episode:
        """Copy one episode out."""
        steps = int(self.num_steps[index])
        step = int(self.first_step[index])
        state = step + index
        values: dict[str, Any] = dict.fromkeys(OPTIONAL)
        for name, array in self.arrays.items():
            start, rows = (state, steps + 1) if name in PER_STATE else (step, steps)
            kind = bool if name == 'is_expert' else np.float32
            values[name] = np.array(array[start : start + rows], dtype=kind)
        return Episode(**values, terminated=bool(self.terminated[index]))


def pack_episodes(episodes: Sequence[Episode]) -> bytes:
    """Return the content of a shard file."""
    return safetensors.numpy.save(join_episodes(episodes))


def hold_episodes(episodes: Sequence[Episode]) -> Shard:
    """Return a shard that was never written, with the very numbers that a file would give back."""
    content = join_episodes(episodes)
    num_steps, terminated = content.pop('num_steps'), content.pop('terminated')
    return Shard(content, num_steps, terminated.astype(bool))


def join_episodes(episodes: Sequence[Episode]) -> dict[str, Array]:
    """Return the arrays of a shard: those of all episodes end to end, in the types on disk."""
    content: dict[str, Array] = {
        'num_steps': np.array([episode.num_steps for episode in episodes], dtype=np.int64),
        'terminated': np.array([episode.terminated for episode in episodes], dtype=np.uint8),
    }
    for name, kind in {**PER_STATE, **PER_STEP}.items():
        parts = [getattr(episode, name) for episode in episodes]
        if parts[0] is not None:
            content[name] = np.concatenate(parts).astype(kind)
    return content


def map_shard(folder: Path, info: ShardInfo) -> Shard:
    """Map a shard whose length is as the manifest says.

    Raises:
        DatasetError: It is missing, truncated or not a shard.
    """
    path = folder / info.file
    remedy = f'restore it, or delete the folder and {AGAIN}'
    if not path.is_file():
        raise DatasetError(f'{path} is missing, expected {info.num_bytes} bytes; {remedy}')
    found = path.stat().st_size
    if found != info.num_bytes:
        raise DatasetError(
            f'{path}: {found} bytes long, expected {info.num_bytes} from the manifest; {remedy}'
        )
    try:
        arrays = map_arrays(path)
        num_steps = np.array(arrays.pop('num_steps'))
        terminated = np.array(arrays.pop('terminated'), dtype=bool)
    except (KeyError, ValueError) as error:
        raise DatasetError(f'{path}: not a shard of transitions ({error}); {remedy}') from None
    return Shard(arrays, num_steps, terminated)


def map_arrays(path: Path) -> dict[str, Array]:
    """Map every array of a safetensors file, read-only."""
    with path.open('rb') as file:
        length = int.from_bytes(file.read(LENGTH_BYTES), 'little')
        header = json.loads(file.read(length))
    header.pop('__metadata__', None)
    whole = np.memmap(path, dtype=np.uint8, mode='r')[LENGTH_BYTES + length :]
    arrays = {}
    for name, about in header.items():
        begin, end = about['data_offsets']
        flat = whole[begin:end].view(DTYPES[about['dtype']])
        arrays[name] = flat.reshape(about['shape'])
    return arrays
