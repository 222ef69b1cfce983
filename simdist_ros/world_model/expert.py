"""The expert that a model was distilled from: a small network without memory.

It answers the present observation with one action. A model may carry it, so that a planner can
begin its proposals with what the expert does now and let the policy head go on from there.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from simdist_ros.world_model.architecture import Architecture

__all__ = ['BeliefPath', 'Expert', 'ExpertNetwork', 'MapNet', 'RunningNorm', 'expert_network']

F32 = NDArray[np.float32]

HIDDEN = (256, 128, 64)
MAP_HIDDEN, MAP_LATENT = 48, 16
MAP_SCALE = 5.0  # so that a bump of the tallest kind is of order one
CLIP = 10.0
BELIEF_WIDTH = 64
BELIEF_GAIN = 8.0  # beliefs are of order one in a few entries; without it they are learned late


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


class BeliefPath(nn.Sequential):
    """What a belief about the robot's faults adds to the first layer of a network.

    It adds nothing to begin with, so a network that gets one answers as before.
    """

    def __init__(self, belief_dim: int, width: int = BELIEF_WIDTH) -> None:
        """Make a path from `belief_dim` numbers through `width` hidden units."""
        first, last = nn.Linear(belief_dim, width), nn.Linear(width, HIDDEN[0], bias=False)
        nn.init.zeros_(last.weight)
        super().__init__(first, nn.ELU(), last)
        self.belief_dim = belief_dim

    def forward(self, belief: Tensor) -> Tensor:
        """Return what to add, (B, HIDDEN[0]), for beliefs, (B, belief_dim); 0: as described."""
        for layer in self:
            belief = layer(belief)
        return BELIEF_GAIN * belief


class MapNet(nn.Module):
    """A perceptron on some numbers and a compressed view of the surroundings."""

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

    def forward(self, x: Tensor, extero: Tensor, added: Tensor | None = None) -> Tensor:
        """Return the outputs, (B, outputs), for numbers, (B, size).

        Args:
            x: The numbers.
            extero: What is seen of the surroundings, (B, map_size).
            added: To the output of the first layer, before its activation, (B, HIDDEN[0]).
        """
        x = self.norm(x)
        if self.map_net is not None:
            x = torch.cat([x, self.map_net(MAP_SCALE * extero)], dim=-1)
        x = self.net[0](x)
        if added is not None:
            x = x + added
        for layer in list(self.net)[1:]:
            x = layer(x)
        return x


class ExpertNetwork(nn.Module):
    """The mean action: a perceptron, and a linear path from some of its inputs.

    Attributes:
        phase_index: Which inputs the linear path reads, (P,).
        trot: Weights of that path, (action_dim, P).
        belief: Makes the answer depend on a belief; None in a network that takes none.
    """

    phase_index: Tensor
    belief: BeliefPath | None

    def __init__(
        self,
        size: int,
        map_size: int,
        trot: Tensor,
        phase_index: Tensor,
        belief: BeliefPath | None = None,
    ) -> None:
        """Make the perceptron with random weights.

        Args:
            size: Inputs apart from the surroundings.
            map_size: Numbers of the surroundings; 0 for none.
            trot: Weights of the linear path to begin with, (action_dim, P).
            phase_index: Its inputs, (P,).
            belief: As the attribute.
        """
        super().__init__()
        self.body = MapNet(size, map_size, len(trot))
        self.register_buffer('phase_index', phase_index)
        self.trot = nn.Parameter(trot)
        self.belief = belief

    def forward(self, x: Tensor, extero: Tensor, belief: Tensor | None = None) -> Tensor:
        """Return the mean action, (B, action_dim), for inputs, (B, size).

        Args:
            x: The inputs.
            extero: What is seen of the surroundings, (B, map_size).
            belief: What is believed of each robot, (B, belief_dim); None is zeros. A network
                without a belief path takes only None.

        Raises:
            ValueError: A belief was given to a network that takes none.
        """
        added: Tensor | None = None
        if self.belief is not None:
            zeros = x.new_zeros(len(x), self.belief.belief_dim)
            added = self.belief(zeros if belief is None else belief)
        elif belief is not None:
            raise ValueError('this expert takes no belief; give None')
        mean: Tensor = self.body(x, extero, added) + x[:, self.phase_index] @ self.trot.T
        return mean


def expert_network(
    architecture: Architecture, num_phases: int, belief: BeliefPath | None = None
) -> ExpertNetwork:
    """Return a network as large as that of a model's expert; its weights mean nothing.

    Args:
        architecture: Of the model.
        num_phases: Inputs of the linear path.
        belief: Of the network; None for one that takes no belief.
    """
    a = architecture
    return ExpertNetwork(
        a.proprio_obs_dim + a.command_dim + a.action_dim,
        a.extero_obs_dim,
        torch.zeros(a.action_dim, num_phases),
        torch.zeros(num_phases, dtype=torch.long),
        belief,
    )


class Expert:
    """The network as a planner asks it: on the CPU, frozen, no part of what is trained or swapped.

    It is not a module, so the model's own weights are the same with and without it.

    Attributes:
        content: The file that it was read from, to write it again as it was.
        plan_delay_steps: Up to how many steps after an observation its answer may begin to act.
    """

    def __init__(
        self, network: ExpertNetwork, content: bytes = b'', plan_delay_steps: int = 0
    ) -> None:
        """Take a network in evaluation mode."""
        self.network = network
        self.content = content
        self.plan_delay_steps = plan_delay_steps

    @property
    def belief_dim(self) -> int:
        """Numbers of the belief that it takes; 0 for none."""
        return 0 if self.network.belief is None else self.network.belief.belief_dim

    @torch.inference_mode()
    def act(
        self,
        proprio_obs: F32,
        last_action: F32,
        extero_obs: F32,
        commands: Tensor,
        belief: Tensor | None = None,
    ) -> Tensor:
        """Return the actions of one step, (M, action_dim).

        That is the present step, or one up to `plan_delay_steps` later.

        Args:
            proprio_obs: o_t, (proprio_obs_dim,).
            last_action: Of the step before that one, executed or decided, (action_dim,).
            extero_obs: What is seen of the surroundings now, (extero_obs_dim,).
            commands: M commands to be followed, (M, command_dim).
            belief: What is believed of the robot, (belief_dim,); None is zeros.
        """
        count = len(commands)
        numbers = [
            torch.tensor(proprio_obs).expand(count, -1),
            commands,
            torch.tensor(last_action).expand(count, -1),
        ]
        ground = torch.tensor(extero_obs).expand(count, -1)
        believed = None if belief is None else belief.expand(count, -1)
        actions: Tensor = self.network(torch.cat(numbers, dim=-1), ground, believed)
        return actions
