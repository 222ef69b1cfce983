"""What was executed in each of the last control steps, as joint targets and as actions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.embodiment.action_space import ActionSpace
from simdist_ros.embodiment.command import JointCommand

__all__ = ['Executed', 'ExecutedActions']

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Executed:
    """What the joints were told in a control step.

    Attributes:
        stamp_ns: From when on [ns].
        target: Joint targets, (num_joints,) [rad]; where they were damped, their positions.
        action: What that comes to, (action_dim,).
        is_damped: Whether they were damped only.
    """

    stamp_ns: int
    target: Array
    action: Array
    is_damped: bool


class ExecutedActions:
    """Keeps the last steps; of several commands in one the first counts: it acts the longest."""

    def __init__(self, space: ActionSpace, kept_steps: int) -> None:
        """Begin with nothing; a step forgets those that are more than `kept_steps` older."""
        self.space, self.kept_steps = space, kept_steps
        self.steps: dict[int, Executed] = {}

    def __len__(self) -> int:
        """Return how many steps are known."""
        return len(self.steps)

    def clear(self) -> None:
        """Forget everything."""
        self.steps.clear()

    def get(self, step: int) -> Executed | None:
        """Return what was executed in a step; None where that is not known."""
        return self.steps.get(step)

    def note(self, step: int, command: JointCommand, joint_pos: Array) -> None:
        """Take what the joints were told; the same stamp again is a decision made anew.

        Args:
            step: In which.
            command: To all joints; damping only counts as asking for the position they have.
            joint_pos: As measured then, (num_joints,) [rad].
        """
        known = self.steps.get(step)
        if known is not None and known.stamp_ns < command.stamp_ns:
            return
        is_damped = command.position is None
        target = joint_pos if command.position is None else command.position
        action = self.space.from_joints(target, self.told_before(step, joint_pos))
        self.steps[step] = Executed(command.stamp_ns, target, action, is_damped)
        for old in [key for key in self.steps if key < step - self.kept_steps]:
            del self.steps[old]

    def told_before(self, step: int, joint_pos: Array) -> Array:
        """Return the newest joint targets before a step; positions where none are known."""
        earlier = [key for key in self.steps if key < step]
        target = self.steps[max(earlier)].target if earlier else joint_pos
        return target if np.isfinite(target).all() else joint_pos
