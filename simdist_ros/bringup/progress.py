"""How a run shows that it goes on."""

from __future__ import annotations

import math
import sys
from enum import Enum

from simdist_ros.bringup.processes import QUIET_S

__all__ = ['ProgressDisplay']


class ProgressDisplay(Enum):
    """A bar for a terminal, lines for a pipe or a file, or nothing at all."""

    BAR = 'bar'
    LINES = 'lines'
    NONE = 'none'

    @classmethod
    def wanted(cls, is_asked: bool | None = None) -> ProgressDisplay:
        """Return what suits where standard error goes to.

        Args:
            is_asked: Whether a bar was asked for; None if nothing was said.
        """
        if is_asked is None:
            return cls.BAR if sys.stderr.isatty() else cls.LINES
        return cls.BAR if is_asked else cls.NONE

    @property
    def quiet_s(self) -> float:
        """Wall time without a line after which one is due [s]."""
        return QUIET_S if self is ProgressDisplay.LINES else math.inf
