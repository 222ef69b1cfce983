"""The mirror: left and right of a robot exchanged, as a permutation with signs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from simdist_ros.embodiment.action_space import action_space_of
from simdist_ros.embodiment.joint_mirror import JointMirror, exchanged
from simdist_ros.embodiment.observation_terms import JOINTS, terms_of
from simdist_ros.embodiment.robot import Robot

__all__ = [
    'Mirror',
    'mirror_of_actions',
    'mirror_of_extero',
    'mirror_of_joints',
    'mirror_of_proprio',
]


@dataclass(frozen=True)
class Mirror:
    """Number i of the image is `sign[i]` times number `index[i]` of the original."""

    index: Tensor
    sign: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """Return the mirror image of vectors, (..., size)."""
        return x[..., self.index] * self.sign

    def to(self, device: str) -> Mirror:
        """Return it on another device."""
        return Mirror(self.index.to(device), self.sign.to(device))

    @staticmethod
    def of(index: Sequence[int], sign: Sequence[float]) -> Mirror:
        """Build one from plain numbers."""
        return Mirror(torch.tensor(index, dtype=torch.long), torch.tensor(sign))

    @staticmethod
    def signs(sign: Sequence[float]) -> Mirror:
        """Build one that exchanges nothing."""
        return Mirror.of(range(len(sign)), sign)

    @staticmethod
    def join(*mirrors: Mirror) -> Mirror:
        """Mirror a vector that is made of several."""
        starts = [sum(len(m.index) for m in mirrors[:i]) for i in range(len(mirrors))]
        index = [m.index + start for m, start in zip(mirrors, starts, strict=True)]
        return Mirror(torch.cat(index), torch.cat([m.sign for m in mirrors]))


def mirror_of_actions(robot: Robot, joints: Mapping[str, JointMirror]) -> Mirror:
    """Mirror an action."""
    return Mirror.of(*action_space_of(robot).mirror(joints))


def mirror_of_joints(joints: Mapping[str, JointMirror]) -> Mirror:
    """Mirror one number per joint, in their order."""
    return Mirror.of(*exchanged(joints))


def mirror_of_proprio(robot: Robot, joints: Mapping[str, JointMirror]) -> Mirror:
    """Mirror the proprioceptive observation, term by term."""
    of_joints = mirror_of_joints(joints)
    kinds = (term.mirror for term in terms_of(robot))
    return Mirror.join(*(of_joints if kind == JOINTS else Mirror.signs(kind) for kind in kinds))


def mirror_of_extero(robot: Robot) -> Mirror:
    """Mirror the exteroceptive observation, modality by modality."""
    parts = (modality.mirror(str(robot.source)) for modality in robot.modalities)
    return Mirror.join(Mirror.signs(()), *(Mirror.of(*part) for part in parts))
