"""The mirror image of a velocity command and of feet."""

from __future__ import annotations

from collections.abc import Mapping

from simdist_ros.embodiment.mirror import Mirror
from simdist_ros.tasks.velocity.gait import Foot

__all__ = ['COMMAND', 'mirror_of_feet']

COMMAND = (1.0, -1.0, -1.0)  # signs of vx, vy, yaw rate


def mirror_of_feet(feet: Mapping[str, Foot]) -> Mirror:
    """Mirror one number per foot."""
    names = list(feet)
    return Mirror.of([names.index(foot.mirror) for foot in feet.values()], [1.0] * len(names))
