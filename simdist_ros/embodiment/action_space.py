"""What the numbers of an action mean: joint targets, or a motion of the tool.

Both ways are needed: what a policy decides becomes joint targets, the only thing that joints are
ever told; what the joints were really told, after limits and safe actions, becomes the action that
was executed. Training, the live robot and bags ask the same action space.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.core.rotation import rotation_vector
from simdist_ros.embodiment.joint_mirror import JointMirror, exchanged
from simdist_ros.embodiment.kinematics import tool_chain
from simdist_ros.embodiment.robot import Robot
from simdist_ros.embodiment.tool_delta import TOOL_AXES

__all__ = ['ActionSpace', 'JointTarget', 'ToolDelta', 'action_space_of']

Array = NDArray[np.floating[Any]]

MIRRORED = dict(zip(TOOL_AXES, (1.0, -1.0, 1.0, -1.0, 1.0, -1.0), strict=True))


class ActionSpace(ABC):
    """Turns actions into joint targets and back; leading axes are free.

    Both are about a step that follows one in which the joints were told `before`,
    (..., num_joints) [rad]: their targets, and where they were measured if they had none.

    Attributes:
        kind: What an action is, as a model's manifest names it.
        dim: Numbers of an action.
    """

    kind: str
    dim: int

    @abstractmethod
    def to_joints(self, action: Array, before: Array) -> Array:
        """Return the joint targets of actions, (..., dim), as (..., num_joints) [rad]."""

    @abstractmethod
    def from_joints(self, target: Array, before: Array) -> Array:
        """Return the actions, (..., dim), that joint targets, (..., num_joints) [rad], come to."""

    @abstractmethod
    def sequence(self, actions: Array, before: Array) -> Array:
        """Return the joint targets of successive actions, (T, dim), as (T, num_joints) [rad].

        Args:
            actions: One a step.
            before: What the joints are told in the step before the first, (num_joints,) [rad].
        """

    @abstractmethod
    def repeated(self, action: Array) -> Array:
        """Return the action after this one, (dim,), that leaves the joint targets as they are."""

    @abstractmethod
    def mirror(self, joints: Mapping[str, JointMirror]) -> tuple[list[int], list[float]]:
        """Return the mirror image: number i of it is sign[i] times number index[i]."""


class JointTarget(ActionSpace):
    """An action is a joint target each: its distance from the default pose, scaled."""

    kind = 'joint_target'

    def __init__(self, robot: Robot) -> None:
        """Take the robot's default pose."""
        self.dim = robot.num_joints
        self.default, self.scale = robot.per_joint('default'), robot.action_scale

    def to_joints(self, action: Array, before: Array | None = None) -> Array:
        """Return joint targets [rad]; the step before does not matter."""
        return self.default + self.scale * action

    def from_joints(self, target: Array, before: Array | None = None) -> Array:
        """Return actions; the step before does not matter."""
        return (target - self.default) / self.scale

    def sequence(self, actions: Array, before: Array | None = None) -> Array:
        """Return joint targets [rad]; the step before does not matter."""
        return self.to_joints(actions)

    def repeated(self, action: Array) -> Array:
        """Return the same action: it is the target itself."""
        return action

    def mirror(self, joints: Mapping[str, JointMirror]) -> tuple[list[int], list[float]]:
        """Exchange joints as the recipe tells."""
        return exchanged(joints)


class ToolDelta(ActionSpace):
    """An action moves the tool from where the joints of the step before have it.

    Joint targets by damped least squares, one step of them for each control step: the way is
    short. Joints that do not move the tool, and what axes leave open, stay, apart from the pull to
    the default pose. No joint goes faster than it may, the direction of the tool is kept; a joint
    at its limit stays there. `from_joints` returns how the tool really moves, so that such a cut,
    and what damping took, are part of the executed action.

    Source:
        Wampler 1986, "Manipulator inverse kinematic solutions based on vector formulations and
        damped least-squares methods".
    """

    def __init__(self, robot: Robot) -> None:
        """Read the chain of joints to the tool.

        Raises:
            ConfigError: There is no tool, or its place is not understood.
        """
        assert robot.tool_delta is not None
        self.settings = s = robot.tool_delta
        self.chain = tool_chain(robot)
        self.kind = f'tool_delta {" ".join(s.axes)}'
        self.dim = len(s.axes)
        self.rows = [TOOL_AXES.index(axis) for axis in s.axes]
        self.scale = np.array([s.step_rad if axis[0] == 'r' else s.step_m for axis in s.axes])
        self.default = robot.per_joint('default')
        self.low, self.high = robot.per_joint('low'), robot.per_joint('high')
        self.max_step = robot.per_joint('max_rate') * robot.period_s

    def to_joints(self, action: Array, before: Array) -> Array:
        """Return joint targets [rad] that move the tool from where `before` has it."""
        s = self.settings
        wanted = self.scale * np.clip(action, -s.limit, s.limit)
        jacobian = self.chain.motion(before)[2][..., self.rows, :]
        across = np.swapaxes(jacobian, -1, -2)
        square = jacobian @ across + s.damping**2 * np.eye(self.dim)
        if s.posture:  # what the tool would notice of it is taken back
            pull = s.posture * (self.default - before)
            wanted = wanted - (jacobian @ pull[..., None])[..., 0]
        step = (across @ np.linalg.solve(square, wanted[..., None]))[..., 0]
        if s.posture:
            step = step + pull
        fastest = np.max(np.abs(step) / self.max_step, axis=-1, keepdims=True)
        target: Array = np.clip(before + step / np.maximum(1.0, fastest), self.low, self.high)
        return target

    def from_joints(self, target: Array, before: Array) -> Array:
        """Return how targets move the tool from where `before` has it, (..., dim)."""
        place, turned, _ = self.chain.motion(np.stack(np.broadcast_arrays(before, target)))
        moved = place[1] - place[0]
        turn = rotation_vector(turned[1] @ np.swapaxes(turned[0], -1, -2))
        action: Array = np.concatenate([moved, turn], axis=-1)[..., self.rows] / self.scale
        return action

    def sequence(self, actions: Array, before: Array) -> Array:
        """Return joint targets [rad], each from the one before."""
        targets = np.empty((len(actions), len(before)))
        for step, action in enumerate(actions):
            before = targets[step] = self.to_joints(action, before)
        return targets

    def repeated(self, action: Array) -> Array:
        """Return zeros: the tool stays."""
        return np.zeros_like(action)

    def mirror(self, joints: Mapping[str, JointMirror]) -> tuple[list[int], list[float]]:
        """Exchange left and right in the frame of the base."""
        return list(range(self.dim)), [MIRRORED[axis] for axis in self.settings.axes]


def action_space_of(robot: Robot) -> ActionSpace:
    """Return what the actions of a robot mean.

    Raises:
        ConfigError: They move a tool that it does not have, or whose place is not understood.
    """
    return JointTarget(robot) if robot.tool_delta is None else ToolDelta(robot)
