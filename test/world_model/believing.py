"""An expert whose belief acts in a known way, and an identifier with random weights."""

from __future__ import annotations

import safetensors.torch
import torch

from simdist_ros.embodiment.belief import BeliefSpace
from simdist_ros.world_model.expert import BeliefPath, Expert, expert_network
from simdist_ros.world_model.identifier import Identifier
from simdist_ros.world_model.store.verify import ACTOR

NAMES = BeliefSpace(joints=('hip', 'knee')).names
SIZE = len(NAMES)
GAINS = (1.0, -1.0)  # of the first two actions, for a first number above 0


def believing_expert(architecture, belief_dim=SIZE):
    """Return an expert that does nothing but follow its belief's first number.

    A first number b > 0 makes the first two actions b and -b; b = 0 makes all actions 0.
    """
    path = BeliefPath(belief_dim, width=3)
    network = expert_network(architecture, 2, path)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        path[0].weight[0, 0] = 1.0
        path[2].weight[0, 0] = 1.0 / 8.0  # of its gain
        for index in (2, 4):
            network.body.net[index].weight[0, 0] = 1.0
        for action, gain in enumerate(GAINS):
            network.body.net[6].weight[action, 0] = gain
    arrays = {f'{ACTOR}{name}': x for name, x in network.state_dict().items()}
    content = safetensors.torch.save(arrays)
    return Expert(network.eval().requires_grad_(False), content)


def random_identifier(architecture, names=NAMES, seed=4):
    """Return an identifier whose answers are of order one."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        found = Identifier(
            architecture.proprio_obs_dim, architecture.action_dim, len(names), names
        )
        torch.nn.init.normal_(found.head[-1].weight, std=0.5)
    return found.eval().requires_grad_(False)


def belief_of(first, size=SIZE):
    """Return a belief with a first number and nothing else."""
    belief = torch.zeros(size)
    belief[0] = first
    return belief
