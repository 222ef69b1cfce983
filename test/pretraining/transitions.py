"""A small dataset that a small world model can learn."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from simdist_ros.embodiment.robot import load_robot
from simdist_ros.transitions.episode import Episode
from simdist_ros.transitions.shards.dataset import ShardWriter
from simdist_ros.world_model.architecture import Architecture

ROBOT = load_robot('go2')
TINY = Architecture(
    history_steps=3,
    horizon_steps=4,
    latent_dim=8,
    conv_features=(2,),
    extero_hidden=(8,),
    policy_layers=1,
    dynamics_layers=1,
    dynamics_heads=2,
    policy_heads=2,
    reward_heads=2,
    value_heads=2,
)


def make_episode(steps: int, seed: int, terminated: bool = False) -> Episode:
    """Return joints that follow the actions, which turn with the phase."""
    rng = np.random.default_rng(seed)
    phase = rng.uniform(0, 6) + 0.25 * np.arange(steps + 1)
    is_expert = rng.random(steps) < 0.8
    actions = np.sin(phase[:-1, None] + np.arange(12)) + rng.normal(
        scale=0.3, size=(steps, 12)
    ) * (~is_expert[:, None])
    proprio = np.zeros((steps + 1, 35))
    for step in range(steps):
        proprio[step + 1, 9:21] = 0.7 * proprio[step, 9:21] + 0.075 * actions[step]
    proprio[:, 33], proprio[:, 34] = np.cos(phase), np.sin(phase)
    proprio[:, 8] = -1.0
    rewards = 1.0 - np.square(proprio[1:, 9:21]).mean(axis=1)
    commands = np.tile(rng.uniform(-0.5, 0.5, 3), (steps + 1, 1))
    return Episode(
        proprio_obs=proprio.astype(np.float32),
        extero_obs=rng.normal(scale=0.02, size=(steps + 1, 315)).astype(np.float32),
        actions=actions.astype(np.float32),
        commands=commands.astype(np.float32),
        rewards=rewards.astype(np.float32),
        next_values=(10.0 * rewards).astype(np.float32),
        is_expert=is_expert,
        terminated=terminated,
    )


def write_data(folder: Path, episodes: int = 12, steps: int = 40) -> Path:
    """Write a dataset of several shards."""
    with ShardWriter(folder, ROBOT, shard_transitions=4 * steps) as writer:
        for seed in range(episodes):
            writer.add(make_episode(steps, seed, terminated=seed == 0))
    return folder
