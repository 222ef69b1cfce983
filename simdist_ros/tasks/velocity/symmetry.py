"""The mirror image of feet."""

from __future__ import annotations

from collections.abc import Mapping

from simdist_ros.embodiment.mirror import Mirror
from simdist_ros.tasks.velocity.gait import Foot

__all__ = ['mirror_of_feet']


def mirror_of_feet(feet: Mapping[str, Foot]) -> Mirror:
    """Mirror one number per foot."""
    names = list(feet)
    return Mirror.of([names.index(foot.mirror) for foot in feet.values()], [1.0] * len(names))
