"""What can go wrong in a simulation."""

from __future__ import annotations

from simdist_ros.core.errors import SimdistError

__all__ = ['CommandError', 'RenderError', 'SimulationError']


class CommandError(SimdistError):
    """A command has the wrong size or is not finite; it did not enter the simulation."""


class SimulationError(SimdistError):
    """The physics diverged; nothing measured after it means anything."""


class RenderError(SimdistError):
    """Pictures cannot be drawn here; the message says what to install."""
