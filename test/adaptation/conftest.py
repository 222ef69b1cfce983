"""A tiny model of a Go2, and episodes of a made-up world that it has never seen."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from simdist_ros.embodiment.robot import load_robot
from simdist_ros.pretraining.expert.networks import belief_space
from simdist_ros.transitions.episode import Episode
from simdist_ros.transitions.shards.replay import InMemoryEpisodes
from simdist_ros.world_model.architecture import Architecture
from simdist_ros.world_model.model import WorldModel
from simdist_ros.world_model.store.checkpoint import find_model, load_model, save_model

H, T = 3, 4


@pytest.fixture(scope='session')
def robot():
    return load_robot('go2')


@pytest.fixture(scope='session')
def shipped(robot):
    """The model with an identifier, and its manifest; nobody changes it."""
    return load_model(find_model('go2_beliefs'), robot)


@pytest.fixture(scope='session')
def believer(shipped):
    return shipped.model


@pytest.fixture(scope='session')
def space(robot, recipe):
    return belief_space(robot, recipe)


@pytest.fixture(scope='session')
def weak(space):
    """The belief that all motors have 0.3 of their torque."""
    belief = torch.zeros(space.size)
    belief[:12] = 1.4
    return belief


@pytest.fixture(scope='session')
def architecture():
    return Architecture(
        history_steps=H,
        horizon_steps=T,
        latent_dim=16,
        conv_features=(2, 3),
        extero_hidden=(8,),
        dynamics_heads=4,
        policy_layers=1,
        policy_heads=2,
        reward_heads=2,
        value_heads=4,
    )


@pytest.fixture
def model(architecture):
    return with_units(WorldModel(architecture, seed=1).eval())


def with_units(model: WorldModel) -> WorldModel:
    """Give each number a mean and a spread of its own, so that raw is never scaled."""
    generator = torch.Generator().manual_seed(7)
    for name, buffer in model.normalizer.named_buffers():
        if name.endswith('_mean'):
            buffer.uniform_(-0.5, 0.5, generator=generator)
        elif name.endswith('_std'):
            buffer.uniform_(0.5, 2.0, generator=generator)
    return model


@pytest.fixture
def parent(tmp_path, model):
    folder = tmp_path / 'models' / 'parent'
    save_model(folder, model, robot='go2', created_by='a test')
    return load_model(folder)


def lived(number: int, steps: int = 40, *, push: float = 0.5, **labels) -> Episode:
    """Observations that the actions push around: there is something to learn."""
    generator = np.random.default_rng(number)
    effect = np.random.default_rng(99).normal(size=(12, 35)) * push
    actions = generator.normal(size=(steps, 12))
    observed = [generator.normal(size=35)]
    for action in actions:
        observed.append(0.8 * observed[-1] + action @ effect)
    return Episode(
        proprio_obs=np.array(observed, np.float32),
        extero_obs=np.zeros((steps + 1, 315), np.float32),
        actions=actions.astype(np.float32),
        commands=np.tile(np.float32([0.5, 0.0, 0.0]), (steps + 1, 1)),
        **labels,
    )


@pytest.fixture(scope='session')
def episodes():
    return InMemoryEpisodes(tuple(lived(number) for number in range(20)))
