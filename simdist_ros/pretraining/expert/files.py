"""The expert on disk: its training as it stands, its policies, and itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from simdist_ros.core.atomic import write_atomic
from simdist_ros.core.errors import CheckpointError
from simdist_ros.embodiment.action_space import JointTarget, action_space_of
from simdist_ros.embodiment.robot import Robot
from simdist_ros.pretraining.expert.networks import Actor, Critic
from simdist_ros.pretraining.recipe import Recipe
from simdist_ros.rl.ppo import Ppo
from simdist_ros.sim.batch.vector_env import VectorEnv
from simdist_ros.world_model.store.verify import DELAY

__all__ = [
    'CHECKPOINT',
    'EXPERT',
    'POLICIES',
    'load_actor',
    'load_critic',
    'load_training',
    'policy_files',
    'save_networks',
    'save_training',
    'steps_done',
    'whose',
]

CHECKPOINT = 'checkpoint.safetensors'
EXPERT = 'expert.safetensors'
POLICIES = 'policies'


def save_networks(
    path: Path,
    actor: Actor,
    critic: Critic | None,
    about: dict[str, Any],
    *,
    plan_delay_steps: int = 0,
) -> None:
    """Write an actor, and a critic with it, and what is said about them."""
    tensors = prefixed('actor', actor)
    if plan_delay_steps:
        tensors[DELAY] = torch.tensor(plan_delay_steps)
    if critic is not None:
        tensors.update(prefixed('critic', critic))
    write(path, tensors, about)


def load_actor(path: Path, robot: Robot, recipe: Recipe) -> Actor:
    """Read an actor.

    Raises:
        CheckpointError: The file is missing, damaged or of another robot.
    """
    tensors = read(path, robot)[0]
    actor = Actor(robot, recipe, belief_dim(tensors, 'actor'))
    restore(path, tensors, 'actor', actor)
    return actor.eval()


def load_critic(path: Path, robot: Robot, recipe: Recipe) -> Critic:
    """Read a critic.

    Raises:
        CheckpointError: The file is missing, damaged or of another robot.
    """
    tensors = read(path, robot)[0]
    critic = Critic(robot, recipe, belief_dim(tensors, 'critic'))
    restore(path, tensors, 'critic', critic)
    return critic.eval()


def save_training(
    path: Path, ppo: Ppo[Actor, Critic], env: VectorEnv, about: dict[str, Any]
) -> None:
    """Write all that a training needs to go on as if it had never stopped."""
    tensors = {**prefixed('actor', ppo.actor), **prefixed('critic', ppo.critic)}
    for index, entries in ppo.optimizer.state_dict()['state'].items():
        for name, tensor in entries.items():
            tensors[f'optimizer.{index}.{name}'] = torch.as_tensor(tensor)
    tensors['generator'] = ppo.generator.get_state()
    for name, array in env.get_state().items():
        tensors[f'env.{name}'] = torch.from_numpy(np.ascontiguousarray(array))
    rng = env.rng.bit_generator.state
    about = {**about, **whose(env.robot), 'rate': ppo.rate, 'rng': rng}
    write(path, tensors, about)


def load_training(path: Path, ppo: Ppo[Actor, Critic], env: VectorEnv) -> dict[str, Any]:
    """Put a saved training into its parts and return what was said about it.

    Raises:
        CheckpointError: The file is damaged or of another robot.
    """
    tensors, about = read(path, env.robot)
    restore(path, tensors, 'actor', ppo.actor)
    restore(path, tensors, 'critic', ppo.critic)
    try:
        state: dict[int, dict[str, Tensor]] = {}
        for name in tensors:
            if name.startswith('optimizer.'):
                _, index, entry = name.split('.')
                state.setdefault(int(index), {})[entry] = tensors[name]
        groups = ppo.optimizer.state_dict()['param_groups']
        ppo.optimizer.load_state_dict({'state': state, 'param_groups': groups})
        ppo.generator.set_state(tensors['generator'])
        ppo.rate = about['rate']
        for group in ppo.optimizer.param_groups:
            group['lr'] = ppo.rate
        held: dict[str, NDArray[Any]] = {
            name.removeprefix('env.'): tensor.numpy()
            for name, tensor in tensors.items()
            if name.startswith('env.')
        }
        env.set_state(held)
        env.rng.bit_generator.state = about['rng']
    except (KeyError, ValueError, RuntimeError) as error:
        raise damaged(path, error) from None
    return about


def steps_done(path: Path, robot: Robot) -> int:
    """Return how many steps a saved training has behind it; 0 where there is none.

    Raises:
        CheckpointError: The file is damaged or of another robot.
    """
    if not path.is_file():
        return 0
    try:
        return int(read(path, robot)[1]['num_steps'])
    except (KeyError, TypeError, ValueError) as error:
        raise damaged(path, error) from None


def whose(robot: Robot) -> dict[str, str]:
    """Return what a file says of the robot it is of."""
    return {'robot': robot.name, 'actions': action_space_of(robot).kind}


def policy_files(expert: Path) -> list[Path]:
    """Return the files of an expert's folder that walk: itself, then its earlier policies."""
    return [expert / EXPERT, *sorted((expert / POLICIES).glob('*.safetensors'))]


def prefixed(prefix: str, module: nn.Module) -> dict[str, Tensor]:
    """Return a module's numbers under names of its own."""
    return {f'{prefix}.{name}': tensor for name, tensor in module.state_dict().items()}


def belief_dim(tensors: dict[str, Tensor], prefix: str) -> int:
    """Return how many numbers of a belief a network of a file takes; 0 for none."""
    shape = tensors.get(f'{prefix}.belief.0.weight', torch.zeros(0)).shape
    return shape[-1] if len(shape) == 2 else 0


def restore(path: Path, tensors: dict[str, Tensor], prefix: str, module: nn.Module) -> None:
    """Put numbers back into a module."""
    start = f'{prefix}.'
    mine = {n.removeprefix(start): t for n, t in tensors.items() if n.startswith(start)}
    try:
        module.load_state_dict(mine)
    except RuntimeError as error:
        raise damaged(path, error) from None


def write(path: Path, tensors: dict[str, Tensor], about: dict[str, Any]) -> None:
    """Write tensors and what is said about them, atomically."""
    copies = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_atomic(path, safetensors.torch.save(copies, {'about': json.dumps(about)}))


def read(path: Path, robot: Robot) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return tensors and what was said about them."""
    if not path.is_file():
        raise CheckpointError(f'{path} is missing; run `simdist pretrain expert` to its end first')
    try:
        with safetensors.safe_open(path, 'pt') as file:
            about: dict[str, Any] = json.loads(file.metadata()['about'])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (safetensors.SafetensorError, KeyError, TypeError, ValueError, OSError) as error:
        raise damaged(path, error) from None
    if about.get('robot') != robot.name:
        raise CheckpointError(
            f'{path} is of robot {about.get("robot")!r}, expected {robot.name!r}; choose another '
            'folder'
        )
    actions, kind = about.get('actions', JointTarget.kind), action_space_of(robot).kind
    if actions != kind:
        raise CheckpointError(
            f'{path}: the actions of the expert are {actions!r}, those of robot {robot.name!r} '
            f'are {kind!r}; choose another folder'
        )
    return tensors, about


def damaged(path: Path, error: Exception) -> CheckpointError:
    """Return the error of a file that is not what it should be."""
    reason = ' '.join(str(error).split())
    return CheckpointError(
        f'{path}: not what an expert left there ({reason}); delete it to begin anew'
    )
