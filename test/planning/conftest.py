"""A small random model, a robot of its sizes, and the published model where it is at hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from simdist_ros.embodiment.height_map import HeightMap
from simdist_ros.embodiment.robot import Joint, Robot
from simdist_ros.world_model.architecture import Architecture
from simdist_ros.world_model.model import WorldModel
from simdist_ros.world_model.store.checkpoint import load_model


@pytest.fixture(scope='session')
def architecture():
    return Architecture(
        history_steps=8,
        horizon_steps=6,
        latent_dim=16,
        proprio_obs_dim=5,
        extero_rows=4,
        extero_columns=7,
        action_dim=2,
        conv_features=(2, 3),
        extero_hidden=(8,),
        dynamics_layers=1,
        dynamics_heads=4,
        policy_layers=1,
        policy_heads=2,
        reward_heads=2,
        value_heads=2,
    )


@pytest.fixture
def small_model(architecture):
    return WorldModel(architecture, seed=1).eval()


@pytest.fixture(scope='session')
def robot():
    """Two joints and a height map: the sizes of the small model."""
    return Robot(
        name='duo',
        control_rate_hz=50.0,
        action_scale=0.25,
        tasks={'velocity': {'command_low': (-1.0, -1.0, -1.0), 'command_high': (1.0, 1.0, 1.0)}},
        proprio_obs=('base_lin_vel', 'joint_pos'),
        joints=(Joint(name='hip', default=0.1), Joint(name='knee', default=-1.0)),
        height_map=HeightMap(columns=7, rows=4),
    )


@pytest.fixture(scope='session')
def published_model(published_folder):
    return load_model(published_folder).model


@pytest.fixture(scope='session')
def cache(tmp_path_factory):
    """ONNX graphs, so that each architecture is exported once for all tests."""
    return tmp_path_factory.mktemp('cache') / 'onnx'


@pytest.fixture(scope='session')
def golden(upstream):
    """One tick of the original's search, with every random draw."""
    with np.load(upstream / 'golden_mppi.npz') as file:
        return {name: torch.from_numpy(file[name]) for name in file.files if name != 'cfg'}
