"""The reward of one simulated robot on any ground: the one that training maximises."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.core.errors import ConfigError
from simdist_ros.core.rotation import into_body, yaw
from simdist_ros.embodiment.action_space import action_space_of
from simdist_ros.embodiment.command import JointCommand
from simdist_ros.embodiment.robot import Robot
from simdist_ros.sim.simulated_robot import SimulatedRobot, TrueState
from simdist_ros.tasks.choice import task_of
from simdist_ros.tasks.step import Scoring, Step

__all__ = ['WalkReward']

Array = NDArray[np.floating[Any]]

AROUND_M = np.arange(-0.4, 0.41, 0.2)  # where the ground is felt for its slope, each way
UNDER_M = 0.25


class WalkReward:
    """Scores the steps of a walk."""

    def __init__(self, robot: Robot, scoring: Scoring, simulation: SimulatedRobot) -> None:
        """Begin where the simulation stands.

        Raises:
            ConfigError: The recipe names a foot that the simulation does not have.
        """
        self.robot, self.scoring, self.simulation = robot, scoring, simulation
        self.task = task_of(robot)
        self.feet = [find_foot(name, simulation) for name in scoring.feet]
        x, y = np.meshgrid(AROUND_M, AROUND_M)
        self.cells = np.stack([x.ravel(), y.ravel()], axis=1)
        self.under = np.flatnonzero(np.abs(self.cells).max(axis=1) <= UNDER_M)
        self.plane = np.linalg.pinv(np.column_stack([self.cells, np.ones(len(self.cells))]))
        self.actions = action_space_of(robot)
        self.told = simulation.true_state().joint_pos
        self.last_action = self.actions.from_joints(self.told, self.told)

    def ground(self, truth: TrueState) -> tuple[float, Array]:
        """Return the height of the base over the ground [m] and the ground's normal, (3,)."""
        heading = yaw(truth.orientation)
        below = self.simulation.height_scan.scan(truth.position, heading, self.cells)
        falls_x, falls_y, _ = self.plane @ below  # how fast the ground falls away
        cos, sin = math.cos(heading), math.sin(heading)
        normal = np.array(
            [cos * falls_x - sin * falls_y, sin * falls_x + cos * falls_y, 1.0]
        ) / math.sqrt(1.0 + falls_x**2 + falls_y**2)
        return float(below[self.under].mean() * normal[2]), normal

    def step(self, command: Array, executed: JointCommand) -> float:
        """Return the reward of one second at the rate of the control step that just ended.

        Args:
            command: That it answered, (command_dim,).
            executed: What the joints were told; damping only counts as holding the position.
        """
        truth = self.simulation.true_state()
        told = truth.joint_pos if executed.position is None else np.asarray(executed.position)
        action = self.actions.from_joints(told, self.told)
        height, normal = self.ground(truth)
        feet, velocity, radius = self.simulation.contacts.foot_motion(self.simulation.data)
        depth = [self.simulation.height_scan.depth(*foot) for foot in feet.tolist()]
        along = velocity - np.outer(velocity @ normal, normal)
        order = self.feet
        step = Step(
            stamp_ns=np.array([truth.time_ns]),
            command=command[None],
            linear_velocity=truth.linear_velocity[None],
            angular_velocity=truth.angular_velocity[None],
            normal=into_body(truth.orientation, normal)[None],
            base_height=np.array([height]),
            joint_offset=(truth.joint_pos - self.robot.per_joint('default'))[None],
            joint_vel=truth.joint_vel[None],
            torque=truth.joint_torque[None],
            action=action[None],
            last_action=self.last_action[None],
            foot_contact=truth.foot_contact[None, order],
            foot_height=(np.array(depth) * normal[2] - radius)[None, order],
            foot_speed=np.linalg.norm(along, axis=1)[None, order],
            wrench=truth.wrench[None],
        )
        self.told, self.last_action = told, action
        terms = self.task.reward_terms(self.scoring, step)
        return float(sum(value[0] for value in terms.values()))


def find_foot(name: str, simulation: SimulatedRobot) -> int:
    """Return the place of a recipe's foot among those of the simulation."""
    known = [f'{foot}_foot' for foot in simulation.feet]
    if name not in known:
        raise ConfigError(
            f'{simulation.robot.mjcf_path}: no geom is a foot called {name!r}, as in the recipe; '
            f'feet are geoms named *_foot, here {", ".join(known) or "none"}'
        )
    return known.index(name)
