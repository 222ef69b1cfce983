"""One process among those that ``torchrun`` started, or the only one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import distributed

from simdist_ros.core.errors import ConfigError

__all__ = ['TrainProcess', 'find_device', 'train_process']


@dataclass(frozen=True)
class TrainProcess:
    """Its number among how many, and the device it computes on."""

    rank: int
    world_size: int
    device: torch.device

    @property
    def is_first(self) -> bool:
        """Whether this is the one that writes."""
        return self.rank == 0

    def wait(self) -> None:
        """Wait until all processes are here."""
        if self.world_size > 1:
            distributed.barrier()


def find_device(name: str) -> torch.device:
    """Return a PyTorch device that can be computed on.

    Args:
        name: A PyTorch device; ``auto`` is the GPU of this process where there is one.

    Raises:
        ConfigError: There is no such device here.
    """
    if name == 'auto':
        local = int(os.environ.get('LOCAL_RANK', '0'))
        name = f'cuda:{local}' if torch.cuda.is_available() else 'cpu'
    try:
        device = torch.device(name)
        torch.ones(1, device=device).item()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).split('\n')[0]
        raise ConfigError(
            f'--device {name}: PyTorch cannot compute on it here ({reason}); choose auto or cpu'
        ) from None
    return device


@contextmanager
def train_process(device: str = 'auto') -> Iterator[TrainProcess]:
    """Join the other processes, if there are any, and leave them at the end.

    Args:
        device: A PyTorch device; ``auto`` is the GPU where there is one.
    """
    world_size = int(os.environ.get('WORLD_SIZE', '1'))
    place = find_device(device)
    if place.type == 'cuda':
        torch.cuda.set_device(place)
        torch.set_float32_matmul_precision('high')
    if world_size == 1:
        yield TrainProcess(0, 1, place)
        return
    distributed.init_process_group('nccl' if place.type == 'cuda' else 'gloo')
    try:
        yield TrainProcess(distributed.get_rank(), world_size, place)
    finally:
        distributed.destroy_process_group()
