"""Tells the parts in which two models differ."""

from __future__ import annotations

import torch
from torch import Tensor

from simdist_ros.world_model.expert import Expert
from simdist_ros.world_model.model import WorldModel
from simdist_ros.world_model.part_names import FIXED, SECOND, SWAPPABLE

__all__ = ['changed_parts']


def changed_parts(old: WorldModel, new: WorldModel) -> tuple[str, ...]:
    """Return the parts in which a model differs from another of the same architecture."""
    return tuple(part for part in (*SWAPPABLE, *FIXED) if differs(part, old, new))


def differs(part: str, old: WorldModel, new: WorldModel) -> bool:
    """Tell whether two models differ in a part; one has it and the other does not, included."""
    mine, theirs = getattr(old, part), getattr(new, part)
    if part in SECOND and differs(SECOND[part], old, new):
        return True
    if mine is None or theirs is None:
        return mine is not theirs
    if isinstance(mine, Tensor):
        return not torch.equal(mine, theirs)
    if isinstance(mine, Expert):
        return bool(mine.content != theirs.content)
    before, after = mine.state_dict(), theirs.state_dict()
    return before.keys() != after.keys() or any(
        before[name].shape != after[name].shape
        or not torch.equal(before[name].cpu(), after[name].cpu())
        for name in before
    )
