"""Beliefs: numbers of order one that tell what is different about a robot; 0 is as described."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.embodiment.joint_mirror import JointMirror
from simdist_ros.embodiment.mirror import Mirror, mirror_of_joints

__all__ = ['BeliefSpace', 'in_words', 'physical_value']

Array = NDArray[np.floating[Any]]
F32 = NDArray[np.float32]

MIN_SCALE = 1e-3  # of a gain whose logarithm is taken


@dataclass(frozen=True)
class Quantity:
    """What one kind of number means: value = described + scale * number, or its exponential.

    Attributes:
        described: Of a robot that is as its description says.
        scale: How far one unit of the number is from there.
        words: Sentence about a value; ``{part}`` is its joint or foot.
        is_log: The number is the logarithm of the value.
        low: Smallest value that means anything.
        high: Largest value that a robot may have.
    """

    described: float
    scale: float
    words: str
    is_log: bool = False
    low: float = -math.inf
    high: float = math.inf

    def value(self, number: float) -> float:
        """Return the physical value of a number of a belief."""
        return float(self.values(np.asarray(number)))

    def values(self, number: Array) -> Array:
        """Return the physical values of numbers of beliefs, within low and high."""
        value = np.exp(number) if self.is_log else self.described + self.scale * number
        return np.asarray(np.clip(value, self.low, self.high))

    def number(self, value: Array) -> Array:
        """Return the numbers of a belief of physical values."""
        if self.is_log:
            return np.asarray(np.log(np.maximum(value, MIN_SCALE)))
        return np.asarray((value - self.described) / self.scale)


OF_JOINTS = {
    'strength': Quantity(1.0, -0.5, '{part} has {value:.2f} of its torque', low=0.0, high=2.0),
    'zero_offset': Quantity(0.0, 0.2, 'encoder of {part} reads {value:+.2f} rad too much'),
    'friction': Quantity(
        0.0, 3.0, '{part} has {value:.1f} N m of added dry friction', low=0.0, high=15.0
    ),
    'kp': Quantity(1.0, -0.5, '{part} has {value:.2f} of its position gain', low=0.0, high=2.0),
    'kd': Quantity(1.0, 1.0, '{part} has {value:.2f} of its velocity gain', is_log=True, high=3.0),
}
OF_FEET = {'foot_friction': Quantity(1.0, -1.0, '{part} has a friction of {value:.2f}', low=0.0)}
OF_BODY = {
    'lag': Quantity(0.0, 2.0, 'commands act {value:.1f} control steps late', low=0.0),
    'payload_kg': Quantity(0.0, 5.0, 'it carries {value:.1f} kg more', low=0.0),
    'payload_x': Quantity(0.0, 0.5, 'that load lies ahead by {value:+.2f} kg m'),
    'payload_y': Quantity(0.0, 0.5, 'that load lies to the left by {value:+.2f} kg m'),
}
QUANTITIES = {**OF_JOINTS, **OF_FEET, **OF_BODY}
PARAMETER = {
    'strength': 'joint_strength',
    'zero_offset': 'joint_zero_offset_rad',
    'friction': 'joint_added_friction_nm',
    'kp': 'joint_kp_scale',
    'kd': 'joint_kd_scale',
    'foot_friction': 'foot_friction',
    'lag': 'lag_steps',
}  # of a batch of robots, in which a quantity is known
LEAST_GRIP = 0.01  # friction of a foot; 0 is that of the ground
FARTHEST_M = 0.4  # that a load lies from the middle of its body
MIRRORED = {'payload_y': -1.0}  # what changes its sign in the mirror, apart from zeros of joints


@dataclass(frozen=True)
class BeliefSpace:
    """The numbers of the beliefs about one robot.

    Attributes:
        joints: Names, in the robot's order.
        feet: Names of the feet; none for an arm.
    """

    joints: tuple[str, ...]
    feet: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """What each number is about, such as ``strength.FL_hip_joint`` or ``lag``."""
        return (
            *(f'{kind}.{joint}' for kind in OF_JOINTS for joint in self.joints),
            *(f'{kind}.{foot}' for kind in OF_FEET for foot in self.feet),
            *OF_BODY,
        )

    @property
    def size(self) -> int:
        """How many numbers a belief has."""
        return len(self.names)

    @property
    def is_of_joint(self) -> NDArray[np.bool_]:
        """Which numbers are about a joint, (size,)."""
        return np.arange(self.size) < len(OF_JOINTS) * len(self.joints)

    def of(self, parameters: Mapping[str, Array]) -> F32:
        """Return the true beliefs about N robots of a batch.

        Args:
            parameters: What is particular to each robot, (N, size of it) each: that of
                `draw_parameters` and `draw_faults`. A foot's friction of 0 is the ground's.

        Returns:
            (N, size).
        """
        foot = parameters['foot_friction']
        slides = np.where(foot > 0.0, np.minimum(foot, 1.0), 1.0)
        kg = parameters['fault_payload_kg']
        moment = kg * parameters['fault_payload_at_m']  # a place means nothing without a load
        known = {kind: parameters[name] for kind, name in PARAMETER.items()}
        known |= {'foot_friction': slides, 'payload_kg': kg}
        known |= {'payload_x': moment[:, :1], 'payload_y': moment[:, 1:]}
        numbers = [quantity.number(known[kind]) for kind, quantity in QUANTITIES.items()]
        return np.concatenate(numbers, axis=1, dtype=np.float32)

    def parameters(self, beliefs: Array) -> dict[str, Array]:
        """Return robots of a batch of which beliefs are true: the inverse of `of`.

        What no robot can have is taken to the nearest that it can: no torque below zero, no load
        of less than nothing; lag is whole control steps.

        Args:
            beliefs: (N, size).

        Returns:
            Those of the parameters that `of` reads, (N, size of it) each.
        """
        kinds = np.array([name.partition('.')[0] for name in self.names])
        parts = {kind: beliefs[:, kinds == kind] for kind in QUANTITIES}
        known = {kind: QUANTITIES[kind].values(number) for kind, number in parts.items()}
        drawn = {name: known[kind] for kind, name in PARAMETER.items()}
        slides = known['foot_friction']
        drawn['foot_friction'] = np.where(slides < 1.0, np.maximum(slides, LEAST_GRIP), 0.0)
        drawn['lag_steps'] = np.rint(known['lag'])
        kg = known['payload_kg']
        moment = np.concatenate([known['payload_x'], known['payload_y']], axis=1)
        place = np.divide(moment, kg, out=np.zeros_like(moment), where=kg > 0.0)
        drawn['fault_payload_kg'] = kg
        drawn['fault_payload_at_m'] = np.clip(place, -FARTHEST_M, FARTHEST_M)
        return drawn

    def mirror(self, joints: Mapping[str, JointMirror], feet: Mapping[str, str]) -> Mirror:
        """Return what exchanges left and right of a belief.

        Args:
            joints: Of the robot's joints, in their order.
            feet: The foot on the other side of each foot.
        """
        signed = mirror_of_joints(joints)
        unsigned = Mirror(signed.index, signed.sign.abs())
        names = list(self.feet)
        exchanged = Mirror.of([names.index(feet[n]) for n in names], [1.0] * len(names))
        return Mirror.join(
            *(signed if kind == 'zero_offset' else unsigned for kind in OF_JOINTS),
            *([exchanged] * len(OF_FEET) if names else ()),
            Mirror.signs([MIRRORED.get(kind, 1.0) for kind in OF_BODY]),
        )


def physical_value(name: str, number: float) -> float:
    """Return what a number of a belief stands for, in the unit of its kind.

    Args:
        name: Of `BeliefSpace.names`.
        number: Of the belief.
    """
    return QUANTITIES[name.partition('.')[0]].value(number)


def in_words(names: Sequence[str], belief: Sequence[float], most: int = 3) -> list[str]:
    """Tell the largest numbers of a belief by name and physical value, the largest first."""
    order = np.argsort(-np.abs(np.asarray(belief, dtype=float)), kind='stable')
    told = []
    for i in order[:most]:
        kind, _, part = names[i].partition('.')
        value = physical_value(names[i], float(belief[i]))
        told.append(QUANTITIES[kind].words.format(part=part, value=value))
    return told
