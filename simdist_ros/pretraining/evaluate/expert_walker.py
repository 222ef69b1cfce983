"""The expert as a walker of the evaluation: what its imitation could come to at best."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from simdist_ros.embodiment.action_space import action_space_of
from simdist_ros.embodiment.command import JointCommand
from simdist_ros.embodiment.history import History
from simdist_ros.embodiment.observation import RobotState, extero_obs, proprio_obs
from simdist_ros.embodiment.observation_terms import proprio_obs_dim
from simdist_ros.embodiment.robot import Robot
from simdist_ros.pretraining.expert.files import load_actor
from simdist_ros.pretraining.expert.networks import actor_input
from simdist_ros.pretraining.recipe import Recipe

__all__ = ['ExpertWalker']

F32 = NDArray[np.float32]


@dataclass(frozen=True)
class ExpertPlan:
    """The joint targets of the present step alone, (1, num_joints) [rad]."""

    positions: NDArray[np.floating]


class ExpertWalker:
    """Walks as the expert, on what the sensors show; a `Walker`."""

    def __init__(self, robot: Robot, recipe: Recipe, path: Path) -> None:
        """Load it.

        Raises:
            CheckpointError: The file is missing, damaged or of another robot.
        """
        self.robot = robot
        self.actor = load_actor(path, robot, recipe)
        self.actions = action_space_of(robot)
        self.history = History(1, proprio_obs_dim(robot), self.actions.dim)
        self.executed: F32 = np.zeros(self.actions.dim, dtype=np.float32)
        self.told: NDArray[np.floating] | None = None  # joint targets, before the first none

    @torch.inference_mode()
    def tick(self, state: RobotState, command: F32) -> ExpertPlan:
        """Return what it does now."""
        self.history.append(self.executed, proprio_obs(self.robot, state, command))
        ground = torch.tensor(extero_obs(self.robot, state))[None]
        seen = {
            'proprio_obs': torch.tensor(self.history.proprio_obs[-1:]),
            'command': torch.tensor(command)[None],
            'last_action': torch.tensor(self.history.actions[-1:]),
        }
        action = self.actor(actor_input(seen), ground).numpy()
        if self.told is None:
            self.told = state.joint_pos
        return ExpertPlan(self.actions.to_joints(action, self.told))

    def note_executed(self, command: JointCommand, joint_pos: F32) -> None:
        """Remember what was really sent; damping only counts as holding the position."""
        told = np.asarray(joint_pos if command.position is None else command.position)
        before = told if self.told is None else self.told
        self.executed = self.actions.from_joints(told, before).astype(np.float32)
        self.told = told
