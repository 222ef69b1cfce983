"""What walking is worth: the reward that the expert maximises and the world model predicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.core.settings import Settings, setting
from simdist_ros.tasks.step import Step
from simdist_ros.tasks.velocity.following import following

__all__ = ['GROUPS', 'RewardWeights', 'reward_terms', 'swing_profile']

Array = NDArray[np.floating[Any]]

GROUPS = ('velocity', 'turning', 'gait')  # what is earned; the rest are penalties


@dataclass(frozen=True, kw_only=True)
class RewardWeights(Settings):
    """Reward of one second; what is bad has a negative weight."""

    velocity: float = setting(2.5, 'Following the commanded velocity.')
    velocity_tolerance_mps: float = setting(0.5, 'Error at which 1/e is left.', low=0.01)
    turning: float = setting(1.0, 'Following the commanded yaw rate.')
    turning_tolerance_radps: float = setting(0.4, 'Error at which 1/e is left.', low=0.01)
    gait: float = setting(1.0, 'Share of feet that touch the ground just when they should.')
    swing_height: float = setting(-40.0, 'Squared error of the height of swinging feet [1/m2].')
    swing_height_m: float = setting(0.08, 'Height of a foot in mid-swing.', unit='m', low=0.0)
    base_height: float = setting(-30.0, 'Squared error of the height of the base [1/m2].')
    base_height_m: float = setting(0.3, 'Height of the base over the ground.', unit='m', low=0.0)
    tilt: float = setting(-3.0, 'Squared sine of the angle to the ground.')
    bounce: float = setting(-1.5, 'Squared velocity along the base z axis [s2/m2].')
    sway: float = setting(-0.05, 'Squared rate of roll and pitch [s2/rad2].')
    action_rate: float = setting(-0.01, 'Squared change of the action.')
    torque: float = setting(-2e-4, 'Squared torque [1/(N m)2].')
    joint_speed: float = setting(-2e-4, 'Squared joint velocity [s2/rad2].')
    pose: float = setting(-0.15, 'Squared distance to the default pose [1/rad2].')
    slip: float = setting(-0.15, 'Squared speed of feet that touch the ground [s2/m2].')


def swing_profile(foot_phase: Array) -> Array:
    """Return the wanted height of a foot as a share of the highest, 0 while it stands."""
    profile: Array = np.maximum(np.sin(2.0 * np.pi * foot_phase), 0.0)
    return profile


def reward_terms(weights: RewardWeights, step: Step, foot_phase: Array) -> dict[str, Array]:
    """Return each term of the reward of one second, weighted, (N,).

    Args:
        weights: Of the terms.
        step: What is scored.
        foot_phase: 0 to 1 since each foot lifted off; it swings until 0.5, (N, F).
    """
    w = weights
    moved, told = step.linear_velocity[:, :2], step.command[:, :2]
    turned, told_turn = step.angular_velocity[:, 2:], step.command[:, 2:]
    swings = foot_phase < 0.5
    wanted = w.swing_height_m * swing_profile(foot_phase)
    clearance = np.where(swings, step.foot_height - wanted, 0.0)
    return {
        'velocity': w.velocity * following(moved, told, w.velocity_tolerance_mps),
        'turning': w.turning * following(turned, told_turn, w.turning_tolerance_radps),
        'gait': w.gait * mean_of_feet(step.foot_contact != swings),
        'swing_height': w.swing_height * mean_of_feet(clearance**2),
        'base_height': w.base_height * (step.base_height - w.base_height_m) ** 2,
        'tilt': w.tilt * squared(step.normal[:, :2]),
        'bounce': w.bounce * step.linear_velocity[:, 2] ** 2,
        'sway': w.sway * squared(step.angular_velocity[:, :2]),
        'action_rate': w.action_rate * squared(step.action - step.last_action),
        'torque': w.torque * squared(step.torque),
        'joint_speed': w.joint_speed * squared(step.joint_vel),
        'pose': w.pose * squared(step.joint_offset),
        'slip': w.slip * np.sum(step.foot_contact * step.foot_speed**2, axis=1),
    }


def mean_of_feet(x: Array | NDArray[np.bool_]) -> Array:
    """Return the mean of each row, (N,); 0 for a robot without feet."""
    mean: Array = np.sum(x, axis=1) / max(1, x.shape[1])
    return mean


def squared(x: Array) -> Array:
    """Return the squared length of each row, (N,)."""
    total: Array = np.einsum('ij,ij->i', x, x)
    return total
