"""What an expert does before it has learned anything: a linear path from inputs to the action."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from simdist_ros.embodiment.action_space import ToolDelta, action_space_of
from simdist_ros.embodiment.observation_terms import TOOL_UNITS, term_slice
from simdist_ros.embodiment.robot import Robot
from simdist_ros.pretraining.recipe import Recipe
from simdist_ros.tasks.choice import task_of

__all__ = ['FirstPath', 'first_path']

# Share of the way to its place that the tool goes in a step: across the axis of the hole, above
# which it is to be first, along that axis, and of its turns.
ACROSS, ALONG, TURNED = 0.5, 0.08, 0.3


@dataclass(frozen=True)
class FirstPath:
    """The action is weights times some numbers of the actor's input, and a bias.

    Attributes:
        inputs: Which numbers, (P,).
        weights: (action_dim, P).
        bias: (action_dim,).
    """

    inputs: Tensor
    weights: Tensor
    bias: Tensor


def first_path(robot: Robot, recipe: Recipe) -> FirstPath:
    """Return the trot of a gait, the straight way of a tool to its place, or nothing."""
    space = action_space_of(robot)
    clock, tool = term_slice(robot, 'cos_sin_phase'), term_slice(robot, 'tool_from_goal')
    if isinstance(space, ToolDelta):
        return straight_way(robot, space, tool)
    weights = trot(recipe)[:, : clock.stop - clock.start]
    return FirstPath(torch.arange(clock.start, clock.stop), weights, torch.zeros(space.dim))


def straight_way(robot: Robot, space: ToolDelta, tool: slice) -> FirstPath:
    """Pull the tool to where the task wants it; nothing where that is not observed."""
    wanted = task_of(robot).wanted_tool()
    if wanted is None or tool.stop == tool.start:
        none = torch.zeros(space.dim, 0)
        return FirstPath(torch.arange(0), none, torch.zeros(space.dim))
    gain = torch.tensor([ACROSS, ACROSS, ALONG, TURNED, TURNED, TURNED]) / torch.tensor(TOOL_UNITS)
    full = -torch.diag(gain)[space.rows] / torch.tensor(space.scale)[:, None]
    bias = -full @ torch.tensor(wanted * TOOL_UNITS)
    return FirstPath(torch.arange(tool.start, tool.stop), full.float(), bias.float())


def trot(recipe: Recipe) -> Tensor:
    """Return the weights of the phase's cosine and sine in each action, (num_joints, 2).

    The action of a joint is lift * sin(2 pi (phase - swing_start)): its foot's swing lifts it, its
    stance pushes it down.
    """
    weights = []
    for joint in recipe.joints.values():
        start = recipe.feet[joint.foot].swing_start if joint.foot else 0.0
        angle = 2.0 * math.pi * start
        weights.append([-joint.lift * math.sin(angle), joint.lift * math.cos(angle)])
    return torch.tensor(weights)
