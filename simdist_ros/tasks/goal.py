"""What a task may be asked for: the numbers of a command, their units and bounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.core.errors import ConfigError

__all__ = ['GoalSpec']

Array = NDArray[np.floating[Any]]

ROUNDING = 1e-6  # of a heading that became a quaternion and back


@dataclass(frozen=True)
class GoalSpec:
    """The numbers of a command.

    Attributes:
        owner: The robot and its task, for messages.
        names: Of each number.
        units: Of each number.
        low: Smallest, (size,).
        high: Largest, (size,).
    """

    owner: str
    names: tuple[str, ...]
    units: tuple[str, ...]
    low: Array
    high: Array

    @property
    def size(self) -> int:
        """How many numbers a command has."""
        return len(self.low)

    def check(self, command: Array) -> Array:
        """Return a command if the robot can be asked for it.

        Args:
            command: In the order of `names`.

        Raises:
            ConfigError: It has another size, is not finite, or is out of range.
        """
        if command.shape != self.low.shape:
            raise ConfigError(
                f'command has {command.size} numbers; {self.owner} takes {self.size}'
            )
        if not np.all((command >= self.low) & (command <= self.high)):
            raise ConfigError(
                f'command {command.tolist()} is beyond the range of {self.owner}: '
                f'{self.low.tolist()} .. {self.high.tolist()}'
            )
        return command

    def holds(self, command: Array) -> bool:
        """Tell whether a command is within the bounds, but for rounding in a message."""
        return bool(np.all((command >= self.low - ROUNDING) & (command <= self.high + ROUNDING)))

    def clip(self, commands: Array) -> Array:
        """Return the nearest commands that the robot can be asked for, (..., size)."""
        nearest: Array = np.clip(commands, self.low, self.high)
        return nearest
