"""What an action does to the tool of a robot whose actions move it."""

from __future__ import annotations

from dataclasses import dataclass

from simdist_ros.core.errors import ConfigError, unknown_name
from simdist_ros.core.settings import Settings, setting

__all__ = ['TOOL_AXES', 'ToolDeltaSettings']

TOOL_AXES = ('x', 'y', 'z', 'rx', 'ry', 'rz')


@dataclass(frozen=True, kw_only=True)
class ToolDeltaSettings(Settings):
    """Actions that move the tool; of a robot without this entry they are joint targets."""

    axes: tuple[str, ...] = setting(
        TOOL_AXES,
        'The numbers of an action: x, y, z move the tool along an axis of the frame of the base, '
        'rx, ry, rz turn it about one.',
    )
    step_m: float = setting(
        0.01, 'How far action 1 moves the tool in a control step.', unit='m', above=0.0
    )
    step_rad: float = setting(
        0.05, 'How far action 1 turns the tool in a control step.', unit='rad', above=0.0
    )
    limit: float = setting(3.0, 'Largest action along an axis; more is cut.', above=0.0)
    damping: float = setting(
        0.02,
        'Of the least squares that find the joint targets: near a singular pose the tool falls '
        'short rather than that joints race.',
        above=0.0,
    )
    posture: float = setting(
        0.0,
        'Share of the way to `default` that joints go in a control step as far as the tool does '
        'not notice; for an arm with more joints than axes.',
        low=0.0,
        high=1.0,
    )

    def __post_init__(self) -> None:
        """Check that each axis is one, and named once."""
        super().__post_init__()
        for axis in self.axes:
            if axis not in TOOL_AXES:
                raise ConfigError(f'tool_delta.axes: {unknown_name("axis", axis, TOOL_AXES)}')
        if not self.axes or len(set(self.axes)) < len(self.axes):
            raise ConfigError(
                f'tool_delta.axes is {list(self.axes)}; name at least one axis, and none twice'
            )
