"""The identifier's training: from windows of robots with faults to what is true of them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from simdist_ros.core.atomic import write_atomic
from simdist_ros.core.errors import ConfigError
from simdist_ros.embodiment.action_space import action_space_of
from simdist_ros.embodiment.mirror import Mirror, mirror_of_actions, mirror_of_proprio
from simdist_ros.embodiment.observation_terms import proprio_obs_dim, term_slice
from simdist_ros.embodiment.robot import Robot
from simdist_ros.jobs.stage_folder import claim_folder
from simdist_ros.pretraining.expert.files import EXPERT, load_actor
from simdist_ros.pretraining.expert.networks import belief_space, mirror_of_beliefs
from simdist_ros.pretraining.identify.settings import IdentifySettings
from simdist_ros.pretraining.identify.windows import Windows, collect_windows
from simdist_ros.pretraining.recipe import Recipe, load_recipe
from simdist_ros.world_model.identifier import Identifier
from simdist_ros.world_model.store.identifier_file import IDENTIFIER, identifier_to_bytes

__all__ = ['IdentifierTraining', 'run_identify']

METRICS = 'metrics.json'
LAST_RATE = 0.05  # share of the first
SCALE_FLOOR = 1e-3  # added to the standard deviations of the input
SCALED_BY = 50_000  # windows at most, of which the scales are taken
MEASURED_WINDOWS = 16  # of an episode that is held out
LINES = 10  # that the training says


def run_identify(
    robot: Robot,
    expert: Path,
    out: Path,
    settings: IdentifySettings,
    *,
    threads: int = 1,
    say: Callable[[str], None] = print,
) -> Path:
    """Train an identifier; what is finished is only looked at, what was cut begins anew.

    Args:
        robot: Whose.
        expert: Folder of an expert that takes beliefs.
        out: Folder of this stage, new or begun with the same settings.
        settings: How much and how.
        threads: Cores for the physics; any number gives the same windows.
        say: Is told how it goes.

    Returns:
        The file of the identifier.

    Raises:
        SimdistError: The expert is missing or takes no beliefs, the recipe has no faults, or the
            folder holds something else.
    """
    recipe = load_recipe(robot)
    actor = load_actor(expert / EXPERT, robot, recipe)
    if actor.belief is None:
        raise ConfigError(
            f'{expert / EXPERT}: this expert takes no beliefs, so there is nothing to identify; '
            'train it with expert.belief_steps above 0'
        )
    recipe.faulty()
    claim_folder(
        out,
        {
            'stage': 'identify',
            'robot': robot.name,
            'settings': dataclasses.asdict(settings),
            'recipe': recipe.as_mapping(),
        },
    )
    if (out / IDENTIFIER).is_file():
        return out / IDENTIFIER
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        identifier = make_identifier(robot, recipe)
        windows = collect_windows(robot, recipe, actor, settings, identifier.window_steps, threads)
        training = IdentifierTraining(robot, recipe, identifier, windows, settings)
        say(f'identify: {len(windows.steps)} windows of {training.num_episodes} episodes')
        metrics = training.run(say)
    write_atomic(out / METRICS, json.dumps(metrics, indent=1).encode())
    write_atomic(out / IDENTIFIER, identifier_to_bytes(identifier))
    return out / IDENTIFIER


def make_identifier(robot: Robot, recipe: Recipe) -> Identifier:
    """Return the identifier of a robot with random weights."""
    names, actions = belief_space(robot, recipe).names, action_space_of(robot).dim
    joint = torch.arange(actions) % robot.num_joints  # of each action, where it is one of a joint
    starts = [term_slice(robot, name).start for name in ('joint_pos', 'joint_vel')]
    at = torch.stack([start + joint for start in starts])
    return Identifier(proprio_obs_dim(robot), actions, len(names), names, at)


class IdentifierTraining:
    """Regression of beliefs on sets of windows of one robot; half of each batch is mirrored."""

    def __init__(
        self,
        robot: Robot,
        recipe: Recipe,
        identifier: Identifier,
        windows: Windows,
        settings: IdentifySettings,
    ) -> None:
        """Scale the input and split the episodes."""
        self.identifier, self.settings = identifier, settings
        self.rng = np.random.default_rng(settings.seed)
        self.steps = torch.from_numpy(windows.steps)
        self.beliefs = torch.from_numpy(windows.beliefs)
        few = self.steps[:: 1 + len(self.steps) // SCALED_BY].float().flatten(0, 1)
        identifier.mean.copy_(few.mean(0))
        identifier.std.copy_(few.std(0) + SCALE_FLOOR)
        proprio = mirror_of_proprio(robot, recipe.joints)
        self.mirror = Mirror.join(proprio, mirror_of_actions(robot, recipe.joints))
        self.belief_mirror = mirror_of_beliefs(robot, recipe)
        _, at = np.unique(windows.episodes, return_inverse=True)
        order = np.argsort(at, kind='stable')
        episodes = np.split(order, np.flatnonzero(np.diff(at[order])) + 1)
        self.num_episodes = len(episodes)
        mixed = [episodes[i] for i in self.rng.permutation(len(episodes))]
        count = max(1, round(settings.held_out * len(mixed)))
        self.held_out, self.learned = mixed[:count], mixed[count:] or mixed

    def run(self, say: Callable[[str], None]) -> dict[str, float]:
        """Train to the end and return how well it identifies episodes that it was not shown."""
        s = self.settings
        optimizer = torch.optim.AdamW(
            self.identifier.parameters(), s.peak_rate, weight_decay=s.weight_decay
        )
        metrics: dict[str, float] = {}
        for step in range(s.num_steps):
            for group in optimizer.param_groups:
                group['lr'] = s.peak_rate * (1.0 - (1.0 - LAST_RATE) * step / s.num_steps)
            loss = self.loss()
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            if (step + 1) * LINES // s.num_steps > step * LINES // s.num_steps:
                metrics = self.measure()
                say(f'identify: step {step + 1}/{s.num_steps}, {in_one_line(metrics)}')
        self.identifier.eval()
        return metrics

    def loss(self) -> torch.Tensor:
        """Return the mean squared error on a batch of sets of windows."""
        s = self.settings
        size = int(self.rng.integers(1, s.most_windows + 1))
        chosen = self.rng.integers(len(self.learned), size=max(2, s.batch_size // size))
        index = np.stack([self.rng.choice(self.learned[i], size) for i in chosen])
        windows, beliefs = self.batch(index)
        half = len(windows) // 2
        windows[:half] = self.mirror(windows[:half])
        beliefs[:half] = self.belief_mirror(beliefs[:half])
        self.identifier.train()
        loss: torch.Tensor = (self.identifier(windows) - beliefs).square().mean()
        return loss

    def batch(self, index: NDArray[np.intp]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return sets of windows, (N, K, W, ...), and the belief of each, for indices, (N, K)."""
        at = torch.from_numpy(index)
        return self.steps[at].float(), self.beliefs[at[:, 0]].clone()

    @torch.no_grad()
    def measure(self) -> dict[str, float]:
        """Return the explained share of the spread of each kind of number, and of all."""
        self.identifier.eval()
        found, true = [], []
        for episode in self.held_out:
            windows, belief = self.batch(episode[None, :MEASURED_WINDOWS])
            found.append(self.identifier(windows)[0])
            true.append(belief[0])
        return explained(self.identifier.names, torch.stack(found), torch.stack(true))


def explained(names: Sequence[str], found: torch.Tensor, true: torch.Tensor) -> dict[str, float]:
    """Return 1 - squared error / squared size, by kind of number; 0 is that of saying zero.

    Args:
        names: Of the numbers of a belief.
        found: Beliefs, (N, belief_dim).
        true: Likewise.
    """
    kinds = [name.partition('.')[0] for name in names]
    shares = {}
    for kind in ('all', *dict.fromkeys(kinds)):
        of_kind = torch.tensor([kind in ('all', one) for one in kinds])
        size = true[:, of_kind].square().sum()
        if size > 0.0:
            error = (found - true)[:, of_kind].square().sum()
            shares[kind] = 1.0 - float(error / size)
    return shares


def in_one_line(metrics: Mapping[str, float]) -> str:
    """Return the explained shares in words."""
    return 'explained: ' + ', '.join(f'{kind} {value:.2f}' for kind, value in metrics.items())
