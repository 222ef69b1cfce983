"""What an arm stops at by itself: contact, speed of its tool, the end of its workspace."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.embodiment.kinematics import tool_chain
from simdist_ros.embodiment.observation import RobotState
from simdist_ros.embodiment.robot import Robot
from simdist_ros.safety.safe_actions import Fault

__all__ = ['ToolGuard']

Array = NDArray[np.floating[Any]]


class ToolGuard:
    """Looks at one usable state; a robot that names no tool has nothing to guard."""

    def __init__(self, robot: Robot) -> None:
        """Read limits, and the chain of joints to the tool.

        Raises:
            ConfigError: The place of the tool is not understood.
        """
        self._limits = robot.tool_limits
        self._feels = bool(robot.wrench)
        self._chain = tool_chain(robot) if robot.tool else None

    def find(self, state: RobotState | None, *, follows_plan: bool) -> tuple[Fault, str]:
        """Return what an arm stops at, and the value found; a NaN counts as too much.

        Args:
            state: The newest usable one.
            follows_plan: Whether it works. An arm that is led back to its stand pose by the
                operator may come from outside its workspace.
        """
        if self._chain is None or state is None:
            return Fault.NONE, ''
        found = self._contact(state.wrench) if self._feels else ''
        if found:
            return Fault.CONTACT, found
        place, _, jacobian = self._chain.motion(state.joint_pos)
        speed = float(np.linalg.norm(jacobian[:3] @ state.joint_vel))
        if not speed <= self._limits.max_speed_mps:
            most = f'allowed {self._limits.max_speed_mps:g}'
            return Fault.TOOL_SPEED, f'its tool moved at {speed:.2f} m/s ({most})'
        if follows_plan and self._limits.low and not self._is_inside(place):
            at = ', '.join(f'{value:.3f}' for value in place)
            return Fault.WORKSPACE, f'its tool was outside its workspace, at {at} m'
        return Fault.NONE, ''

    def _contact(self, wrench: Array) -> str:
        """Say by how much it presses too hard; empty if it does not."""
        force, torque = np.linalg.norm(wrench[:3]), np.linalg.norm(wrench[3:])
        limits = self._limits
        if not force <= limits.max_force_n:
            return f'force at its wrist was {force:.0f} N (allowed {limits.max_force_n:g})'
        if not torque <= limits.max_torque_nm:
            return f'torque at its wrist was {torque:.1f} N m (allowed {limits.max_torque_nm:g})'
        return ''

    def _is_inside(self, place: Array) -> bool:
        """Tell whether a place, (3,) [m], is in the workspace."""
        return bool(((place >= self._limits.low) & (place <= self._limits.high)).all())
