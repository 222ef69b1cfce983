"""Commands for training: what a user may ask for, changed every few seconds."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simdist_ros.embodiment.robot import Robot
from simdist_ros.tasks.velocity.settings import velocity_goal

__all__ = ['HOLD_STEPS', 'draw_commands']

Array = NDArray[np.floating[Any]]

HOLD_STEPS = (100, 400)  # for how many steps a command holds
STILL, STRAIGHT = 0.08, 0.3  # shares of commands to stay, and to walk straight ahead


def draw_commands(
    robot: Robot, number: int, rng: np.random.Generator, scale: float = 1.0
) -> Array:
    """Draw commands over a share of the robot's range, (number, command_dim)."""
    goal = velocity_goal(robot)
    commands = rng.uniform(goal.low, goal.high, (number, goal.size))
    kind = rng.random(number)
    commands[kind < STILL] = 0.0
    straight = (kind >= STILL) & (kind < STILL + STRAIGHT)
    commands[straight, 1:] = 0.0
    return scale * commands
