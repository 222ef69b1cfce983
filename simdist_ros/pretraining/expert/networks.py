"""The expert's networks: an actor that sees what a robot sees, a critic that sees the truth."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from simdist_ros.embodiment.action_space import action_space_of
from simdist_ros.embodiment.belief import BeliefSpace
from simdist_ros.embodiment.mirror import (
    Mirror,
    mirror_of_actions,
    mirror_of_extero,
    mirror_of_proprio,
)
from simdist_ros.embodiment.observation import extero_obs_dim
from simdist_ros.embodiment.observation_terms import POLAR as NORMAL_SIGNS
from simdist_ros.embodiment.observation_terms import proprio_obs_dim
from simdist_ros.embodiment.robot import Robot
from simdist_ros.pretraining.expert.first_path import first_path
from simdist_ros.pretraining.recipe import Recipe
from simdist_ros.rl.ppo import Mirrors, Ppo, PpoSettings
from simdist_ros.rl.step import Observation
from simdist_ros.tasks.choice import task_of
from simdist_ros.tasks.velocity.symmetry import mirror_of_feet
from simdist_ros.world_model.expert import BeliefPath, ExpertNetwork, MapNet

__all__ = [
    'Actor',
    'Critic',
    'actor_input',
    'belief_space',
    'critic_input',
    'make_mirrors',
    'make_ppo',
    'mirror_of_beliefs',
    'to_tensor',
]

NUM_PHYSICS = 8  # numbers between the ground's normal and the feet in `privileged`
INITIAL_STD = 0.6
LAST_GAIN = 0.01


def to_tensor(observation: Observation, device: str) -> dict[str, Tensor]:
    """Return an observation as tensors by name."""
    return {name: torch.from_numpy(v).to(device) for name, v in vars(observation).items()}


def actor_input(seen: dict[str, Tensor]) -> Tensor:
    """Return what the actor knows of itself: proprio_obs, command, last action."""
    return torch.cat([seen['proprio_obs'], seen['command'], seen['last_action']], dim=-1)


def critic_input(seen: dict[str, Tensor]) -> Tensor:
    """Return what the critic knows apart from the surroundings."""
    names = ('true_proprio_obs', 'command', 'last_action', 'privileged')
    return torch.cat([seen[name] for name in names], dim=-1)


class Actor(ExpertNetwork):
    """Mean and standard deviation of the action.

    A linear path leads from some inputs to the action, see `first_path`, so that learning does not
    start from standing still.
    """

    pairs: Tensor

    def __init__(self, robot: Robot, recipe: Recipe, belief_dim: int = 0) -> None:
        """Start as that path with a little noise of the weights; 0 numbers are no belief."""
        size = actor_input_dim(robot)
        map_size = extero_obs_dim(robot)
        path = first_path(robot, recipe)
        belief = BeliefPath(belief_dim) if belief_dim else None
        super().__init__(size, map_size, path.weights, path.inputs, belief)
        self.size = size
        last = self.body.net[-1]
        assert isinstance(last, nn.Linear)
        with torch.no_grad():
            last.weight *= LAST_GAIN
            last.bias.copy_(path.bias)
        weights = self.trot
        del self.trot
        self.log_std = nn.Parameter(torch.full((len(weights),), math.log(INITIAL_STD)))
        self.trot = weights  # after it: an optimizer's state goes by their order
        self.register_buffer('pairs', mirror_of_actions(robot, recipe.joints).index)

    def forward(self, x: Tensor, extero: Tensor, belief: Tensor | None = None) -> Tensor:
        """Return the mean action as an expert does; the belief may also be the end of `x`."""
        if self.belief is not None and belief is None and x.shape[-1] > self.size:
            x, belief = x[:, : self.size], x[:, self.size :]
        return super().forward(x, extero, belief)

    def update_scale(self, x: Tensor) -> None:
        """Let the scales of the input, apart from the belief, learn from inputs, (B, A)."""
        self.body.norm.update(x[:, : self.size])

    def std(self) -> Tensor:
        """Return the standard deviation of each action, the same left and right."""
        return torch.exp(0.5 * (self.log_std + self.log_std[self.pairs]))


class Critic(nn.Module):
    """Value of a state, from what only a simulation knows.

    That of an expert that takes beliefs knows the truth; without it the robot has no fault.
    """

    def __init__(self, robot: Robot, recipe: Recipe, belief_dim: int = 0) -> None:
        super().__init__()
        size = actor_input_dim(robot) + len(NORMAL_SIGNS) + NUM_PHYSICS + 2 * len(recipe.feet)
        map_size = extero_obs_dim(robot)
        self.body = MapNet(size, map_size, 1)
        self.size = size
        self.belief = BeliefPath(belief_dim) if belief_dim else None

    def forward(self, x: Tensor, extero: Tensor) -> Tensor:
        """Return values, (B,); `x` may end with a belief."""
        added = None
        if self.belief is not None:
            told = x[:, self.size :]
            added = self.belief(told if told.shape[-1] else x.new_zeros(len(x), self.belief_dim))
        value: Tensor = self.body(x[:, : self.size], extero, added)[:, 0]
        return value

    @property
    def belief_dim(self) -> int:
        """Numbers of a belief; 0 for none."""
        return 0 if self.belief is None else self.belief.belief_dim

    def update_scale(self, x: Tensor) -> None:
        """Let the scales of the input, apart from the belief, learn from inputs, (B, C)."""
        self.body.norm.update(x[:, : self.size])


def actor_input_dim(robot: Robot) -> int:
    """Return how many numbers `actor_input` has."""
    actions = action_space_of(robot)
    return proprio_obs_dim(robot) + task_of(robot).goal.size + actions.dim


def belief_space(robot: Robot, recipe: Recipe) -> BeliefSpace:
    """Return what beliefs about a robot are made of."""
    return BeliefSpace(tuple(robot.joint_names), tuple(recipe.feet))


def mirror_of_beliefs(robot: Robot, recipe: Recipe) -> Mirror:
    """Return the mirror image of beliefs about a robot."""
    feet = {name: foot.mirror for name, foot in recipe.feet.items()}
    return belief_space(robot, recipe).mirror(recipe.joints, feet)


def make_mirrors(robot: Robot, recipe: Recipe, device: str, has_beliefs: bool = False) -> Mirrors:
    """Return the mirror image of everything that the networks see."""
    proprio, command = mirror_of_proprio(robot, recipe.joints), Mirror.signs(task_of(robot).mirror)
    feet = mirror_of_feet(recipe.feet)
    actor = Mirror.join(proprio, command, mirror_of_actions(robot, recipe.joints))
    physics = Mirror.signs([1.0] * NUM_PHYSICS)
    critic = Mirror.join(actor, Mirror.signs(NORMAL_SIGNS), physics, feet, feet)
    if has_beliefs:
        belief = mirror_of_beliefs(robot, recipe)
        actor, critic = Mirror.join(actor, belief), Mirror.join(critic, belief)
    return Mirrors(
        actor=actor.to(device),
        critic=critic.to(device),
        extero=mirror_of_extero(robot).to(device),
        action=mirror_of_actions(robot, recipe.joints).to(device),
    )


def make_ppo(
    robot: Robot,
    recipe: Recipe,
    settings: PpoSettings,
    seed: int,
    device: str = 'cpu',
    *,
    belief_dim: int = 0,
) -> Ppo[Actor, Critic]:
    """Draw the first weights of a robot's actor and critic, and what teaches them."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        actor = Actor(robot, recipe, belief_dim).to(device)
        critic = Critic(robot, recipe, belief_dim).to(device)
    mirrors = make_mirrors(robot, recipe, device, belief_dim > 0)
    return Ppo(actor, critic, mirrors, settings, seed, device)
