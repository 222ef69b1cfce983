"""Scoring a step of many robots: what the reward looks at, and who has fallen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.core.rotation import UP, into_body
from simdist_ros.embodiment.robot import Robot
from simdist_ros.sim.batch.batch_observation import BatchState
from simdist_ros.sim.batch.footing import Footing
from simdist_ros.sim.batch.randomisation import joint_drives
from simdist_ros.tasks.choice import task_of
from simdist_ros.tasks.step import Scoring, Step

__all__ = ['StepScorer']

Array = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]


class StepScorer:
    """Scores the steps of one robot type."""

    def __init__(self, robot: Robot, scoring: Scoring) -> None:
        """Take the robot and what decides its reward."""
        self.robot, self.scoring, self.task = robot, scoring, task_of(robot)
        self.default = robot.per_joint('default')

    def step(
        self,
        now: BatchState,
        footing: Footing,
        *,
        command: Array,
        action: Array,
        last_action: Array,
        torque: Array,
    ) -> Step:
        """Return what a step led to.

        Args:
            now: After the step.
            footing: After the step.
            command: That the step answered, (N, command_dim).
            action: As executed, (N, action_dim).
            last_action: Of the step before, (N, action_dim).
            torque: At its end, (N, num_joints) [N m].
        """
        return Step(
            stamp_ns=now.stamp_ns,
            command=command,
            linear_velocity=now.linear_velocity,
            angular_velocity=now.angular_velocity,
            normal=into_body(now.orientation, UP),
            base_height=footing.base_height,
            joint_offset=now.joint_pos - self.default,
            joint_vel=now.joint_vel,
            torque=torque,
            action=action,
            last_action=last_action,
            foot_contact=footing.foot_contact,
            foot_height=footing.foot_height,
            foot_speed=footing.foot_speed,
            wrench=now.wrench,
        )

    def terms(self, step: Step) -> dict[str, Array]:
        """Return each term of the reward of one second, weighted, (N,)."""
        return self.task.reward_terms(self.scoring, step)

    def torque(self, parameters: Mapping[str, Array], target: Array, now: BatchState) -> Array:
        """Return what the motors give towards joint targets, (N, num_joints) [rad], in N m."""
        kp, kd, limit = joint_drives(self.robot, parameters)
        read = now.joint_pos + parameters['joint_zero_offset_rad']
        torque: Array = np.clip(kp * (target - read) - kd * now.joint_vel, -limit, limit)
        return torque

    def has_failed(self, now: BatchState, footing: Footing, step: Step) -> Mask:
        """Tell who has failed, a walker by falling, (N,)."""
        fallen = self.task.failed(
            into_body(now.orientation, -now.up),
            footing.base_height,
            trunk_contact=footing.trunk_contact,
            without_ground=True,
        )
        return fallen | self.task.lost(step.joint_offset + self.default, step.wrench, step.command)
