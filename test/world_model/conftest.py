"""Models to test with: a tiny random one, and the published one where it is at hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from simdist_ros.world_model.architecture import Architecture
from simdist_ros.world_model.model import WorldModel
from simdist_ros.world_model.store.checkpoint import load_model, save_model


@pytest.fixture(scope='session')
def architecture():
    return Architecture(
        history_steps=3,
        horizon_steps=4,
        latent_dim=16,
        proprio_obs_dim=5,
        extero_rows=4,
        extero_columns=7,
        action_dim=2,
        conv_features=(2, 3),
        extero_hidden=(8,),
        dynamics_heads=4,
        policy_layers=2,
        policy_heads=2,
        reward_layers=2,
        reward_heads=2,
        value_layers=2,
        value_heads=4,
    )


@pytest.fixture
def small_model(architecture):
    return WorldModel(architecture, seed=1).eval()


@pytest.fixture
def small_folder(tmp_path, small_model):
    folder = tmp_path / 'small'
    save_model(folder, small_model, robot='toy', created_by='a test')
    return folder


@pytest.fixture(scope='session')
def published_model(published_folder):
    return load_model(published_folder).model


@pytest.fixture(scope='session')
def golden(upstream):
    with np.load(upstream / 'golden.npz') as file:
        return {name: torch.from_numpy(file[name]) for name in file.files if name != 'kind'}
