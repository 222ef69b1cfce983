"""The expert's networks: an actor that sees what a robot sees, a critic that sees the truth."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from simdist_ros.core.observation import proprio_obs_dim
from simdist_ros.core.robot import Robot
from simdist_ros.pretraining.batch_step import Observation
from simdist_ros.pretraining.recipe import Recipe
from simdist_ros.pretraining.symmetry import COMMAND as COMMAND_SIGNS
from simdist_ros.pretraining.symmetry import POLAR as NORMAL_SIGNS
from simdist_ros.pretraining.symmetry import (
    Mirror,
    mirror_of_actions,
    mirror_of_extero,
    mirror_of_feet,
    mirror_of_proprio,
)

__all__ = ['Actor', 'Critic', 'Mirrors', 'RunningNorm', 'actor_input', 'critic_input', 'to_tensor']

HIDDEN = (256, 128, 64)
MAP_HIDDEN, MAP_LATENT = 48, 16
MAP_SCALE = 5.0  # so that a bump of the tallest kind is of order one
CLIP = 10.0
NUM_PHYSICS = 8  # numbers between the ground's normal and the feet in `privileged`
INITIAL_STD = 0.6
LAST_GAIN = 0.01


class RunningNorm(nn.Module):
    """Scales numbers by the mean and standard deviation of all that it was shown."""

    mean: Tensor
    variance: Tensor
    count: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer('mean', torch.zeros(size))
        self.register_buffer('variance', torch.ones(size))
        self.register_buffer('count', torch.tensor(1.0))

    def forward(self, x: Tensor) -> Tensor:
        """Return scaled numbers, same shape."""
        scaled: Tensor = (x - self.mean) * torch.rsqrt(self.variance + 1e-4)
        return scaled.clamp(-CLIP, CLIP)

    @torch.no_grad()
    def update(self, x: Tensor) -> None:
        """Take a batch, (B, size), into account."""
        total = self.count + len(x)
        difference = x.mean(0) - self.mean
        share = len(x) / total
        spread = x.var(0, unbiased=False) - self.variance + difference**2 * (1.0 - share)
        self.variance += share * spread
        self.mean += share * difference
        self.count.copy_(total)


def to_tensor(observation: Observation, device: str) -> dict[str, Tensor]:
    """Return an observation as tensors by name."""
    return {name: torch.from_numpy(v).to(device) for name, v in vars(observation).items()}


def actor_input(seen: dict[str, Tensor]) -> Tensor:
    """Return what the actor knows apart from the map: proprio_obs, command, last action."""
    return torch.cat([seen['proprio_obs'], seen['command'], seen['last_action']], dim=-1)


def critic_input(seen: dict[str, Tensor]) -> Tensor:
    """Return what the critic knows apart from the map."""
    names = ('true_proprio_obs', 'command', 'last_action', 'privileged')
    return torch.cat([seen[name] for name in names], dim=-1)


class MapNet(nn.Module):
    """A perceptron on some numbers and a compressed height map."""

    def __init__(self, size: int, map_size: int, outputs: int) -> None:
        super().__init__()
        self.norm = RunningNorm(size)
        self.map_net = (
            nn.Sequential(
                nn.Linear(map_size, MAP_HIDDEN), nn.ELU(), nn.Linear(MAP_HIDDEN, MAP_LATENT)
            )
            if map_size
            else None
        )
        widths = (size + (MAP_LATENT if map_size else 0), *HIDDEN)
        layers: list[nn.Module] = []
        for before, after in zip(widths, HIDDEN, strict=False):
            layers += [nn.Linear(before, after), nn.ELU()]
        self.net = nn.Sequential(*layers, nn.Linear(HIDDEN[-1], outputs))

    def forward(self, x: Tensor, height_map: Tensor) -> Tensor:
        """Return the outputs, (B, outputs), for numbers, (B, size), and maps, (B, map_size)."""
        x = self.norm(x)
        if self.map_net is not None:
            x = torch.cat([x, self.map_net(MAP_SCALE * height_map)], dim=-1)
        result: Tensor = self.net(x)
        return result


class Actor(nn.Module):
    """Mean and standard deviation of the action.

    A linear path leads from the gait's phase to the action. It starts as the recipe's trot, so
    that learning starts from stepping in place and not from standing still.
    """

    pairs: Tensor
    phase_index: Tensor

    def __init__(self, robot: Robot, recipe: Recipe) -> None:
        """Start as the trot with a little noise of the weights."""
        super().__init__()
        joints = robot.num_joints
        size = proprio_obs_dim(robot) + len(robot.command_low) + joints
        map_size = 0 if robot.height_map is None else robot.height_map.size
        self.body = MapNet(size, map_size, joints)
        last = self.body.net[-1]
        assert isinstance(last, nn.Linear)
        with torch.no_grad():
            last.weight *= LAST_GAIN
            last.bias.zero_()
        self.log_std = nn.Parameter(torch.full((joints,), math.log(INITIAL_STD)))
        self.register_buffer('pairs', mirror_of_actions(recipe).index)
        self.register_buffer('phase_index', phase_index(robot))
        self.trot = nn.Parameter(trot(recipe)[:, : len(self.phase_index)])

    def forward(self, x: Tensor, height_map: Tensor) -> Tensor:
        """Return the mean action, (B, action_dim)."""
        mean: Tensor = self.body(x, height_map) + x[:, self.phase_index] @ self.trot.T
        return mean

    def std(self) -> Tensor:
        """Return the standard deviation of each action, the same left and right."""
        return torch.exp(0.5 * (self.log_std + self.log_std[self.pairs]))


class Critic(nn.Module):
    """Value of a state, from what only a simulation knows."""

    def __init__(self, robot: Robot, recipe: Recipe) -> None:
        super().__init__()
        size = proprio_obs_dim(robot) + len(robot.command_low) + robot.num_joints
        size += len(NORMAL_SIGNS) + NUM_PHYSICS + 2 * len(recipe.feet)
        map_size = 0 if robot.height_map is None else robot.height_map.size
        self.body = MapNet(size, map_size, 1)

    def forward(self, x: Tensor, height_map: Tensor) -> Tensor:
        """Return values, (B,)."""
        value: Tensor = self.body(x, height_map)[:, 0]
        return value


def phase_index(robot: Robot) -> Tensor:
    """Return where cosine and sine of the phase stand in the actor's input, (2,) or (0,)."""
    at = 0
    joints = robot.num_joints
    sizes = {'joint_pos': joints, 'joint_vel': joints, 'cos_sin_phase': 2}
    for term in robot.proprio_obs:
        if term == 'cos_sin_phase':
            return torch.tensor([at, at + 1])
        at += sizes.get(term, 3)
    return torch.zeros(0, dtype=torch.long)


def trot(recipe: Recipe) -> Tensor:
    """Return the weights of the phase's cosine and sine in each action, (action_dim, 2).

    The action of a joint is lift * sin(2 pi (phase - swing_start)): its foot's swing lifts it, its
    stance pushes it down.
    """
    weights = []
    for joint in recipe.joints.values():
        start = recipe.feet[joint.foot].swing_start if joint.foot else 0.0
        angle = 2.0 * math.pi * start
        weights.append([-joint.lift * math.sin(angle), joint.lift * math.cos(angle)])
    return torch.tensor(weights)


class Mirrors:
    """The mirror image of everything that the networks see."""

    def __init__(self, robot: Robot, recipe: Recipe, device: str) -> None:
        proprio, command = mirror_of_proprio(robot, recipe), Mirror.signs(COMMAND_SIGNS)
        self.action = mirror_of_actions(recipe).to(device)
        feet = mirror_of_feet(recipe)
        actor = Mirror.join(proprio, command, mirror_of_actions(recipe))
        physics = Mirror.signs([1.0] * NUM_PHYSICS)
        critic = Mirror.join(actor, Mirror.signs(NORMAL_SIGNS), physics, feet, feet)
        self.actor, self.critic = actor.to(device), critic.to(device)
        self.extero = mirror_of_extero(robot).to(device)
