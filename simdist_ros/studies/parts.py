"""A part of what a model learned in a world, to walk without the rest: an ablation."""

from __future__ import annotations

import copy

from simdist_ros.studies.methods import BELIEF
from simdist_ros.world_model.model import WorldModel

__all__ = ['part_of']


def part_of(parent: WorldModel, adapted: WorldModel, part: str) -> WorldModel:
    """Return the parent with the belief of an adapted model.

    Args:
        parent: The model as it came.
        adapted: The model that was made from it.
        part: `belief`, or `practice` for the expert that was trained on with that belief too.
    """
    other = copy.copy(parent)
    other.belief, other.detector = adapted.belief, adapted.detector
    if part != BELIEF:
        other.expert, other.usual_expert = adapted.expert, adapted.usual_expert
    return other
